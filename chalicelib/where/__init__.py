"""The where language: parsing, printing, evaluation and folding. Pure; see docs/where.md."""
