"""JSON and JSON Schema: text to values, and a collection's schema compiled once per definition version."""
