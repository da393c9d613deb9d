"""Live queries over WebSocket: the subprotocol ``portico.v1``. ``messages`` and ``protocol`` are pure."""
