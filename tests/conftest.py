"""A store for the tests that need one, and nothing else of this machine's."""

from __future__ import annotations

import os
import signal
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as hypothesis_settings

from chalicelib import settings
from portico import environment
from portico.embedded.process import EmbeddedStore

if TYPE_CHECKING:
    from chalicelib.dynamo.session import Session

hypothesis_settings.register_profile("portico", deadline=None)
hypothesis_settings.load_profile("portico")


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither the settings nor the credentials of whoever runs the tests."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell's background jobs, and what they start, are deaf to Ctrl-C, which some tests send.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    before = dict(os.environ)
    for name in before:
        if name.startswith(("PORTICO_", "AWS_")) and name != "PORTICO_STORE_PYTHON":
            del os.environ[name]
    os.environ.update(
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        PORTICO_DATA=str(tmp_path_factory.mktemp("data")),
    )
    settings.reload()
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory, _own_environment: None) -> Iterator[str]:
    """The URL of this test process's store, which the service is pointed at.

    It is an embedded one, in memory, unless ``TRUTH_URL`` names another engine; see ``tests/truth.py``.
    """
    with ExitStack() as stack:
        url = os.environ.get("TRUTH_URL")
        if url is None:
            url = stack.enter_context(EmbeddedStore(tmp_path_factory.mktemp("store"), memory=True)).url
        environment.use_store(url)
        os.environ["PORTICO_STAGE"] = "local"
        settings.reload()
        yield url


@pytest.fixture
def table(store: str) -> Iterator[str]:
    """A table of the test's own, which the service uses while the test runs."""
    from chalicelib.dynamo import provisioning, tables  # noqa: PLC0415 - tests of pure modules do without botocore

    name = f"test-{uuid.uuid4().hex}"
    with settings.override(table=name):
        provisioning.ensure(tables.main)
        yield name


@pytest.fixture
def unreachable() -> Iterator[Callable[[], Session]]:
    """A session whose endpoint nobody listens at."""
    from chalicelib.dynamo.session import Session  # noqa: PLC0415 - as above

    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        made = Session(f"http://127.0.0.1:{reserved.getsockname()[1]}")
        yield lambda: made
        made.close()
