from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.dynamo import session
from chalicelib.dynamo.session import Recorder, Session

from .wire import assert_all_valid


@pytest.fixture
def recorder(table: str) -> Iterator[Recorder]:
    """The calls of the test, each of which has to be one that botocore would send."""
    with session.default().recording() as recording:
        yield recording
    assert_all_valid(recording.calls)


@pytest.fixture
def unconnected() -> Iterator[Session]:
    """A session that nothing answers."""
    session = Session("http://127.0.0.1:1")
    yield session
    session.close()
