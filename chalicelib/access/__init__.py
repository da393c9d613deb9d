"""Who calls and what they may do: principals, keys, and the one ``authorize``."""
