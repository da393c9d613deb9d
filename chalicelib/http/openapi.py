"""The OpenAPI 3.1 document."""


def document() -> dict[str, object]:
    """Build."""
    return {}
