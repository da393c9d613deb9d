"""The local gateway: one port that does for Portico what API Gateway does on AWS."""

from __future__ import annotations

from portico.gateway.asgi import GatewayApplication
from portico.gateway.rest import RestGateway
from portico.gateway.server import GatewayServer, bind

__all__ = ["GatewayApplication", "GatewayServer", "RestGateway", "bind"]
