"""From request to service call to response. What Chalice's routes in ``app.py`` call, and nothing else knows HTTP."""
