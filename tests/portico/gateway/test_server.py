from __future__ import annotations

import pytest

from portico.errors import CommandError
from portico.gateway import bind


def test_a_port_in_use_is_one_sentence() -> None:
    with bind(0) as first:
        port = first.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} is in use"):
            bind(port)


def test_the_gateway_listens_on_the_loopback_interface_only() -> None:
    with bind(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
