"""What Portico costs, measured against the same thing written by hand. ``docs/performance.md`` explains the figures."""
