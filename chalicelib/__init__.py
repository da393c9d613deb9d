"""Everything that runs in Lambda behind ``app.py``."""
