"""What ``app.py`` calls under ``chalice local``: the embedded store, the table, the key and the background jobs."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from chalicelib import settings
from chalicelib.collections import jobs
from chalicelib.dynamo import provisioning, tables
from portico import admin_key, environment
from portico.background import JobRunner
from portico.data import DataDirectory
from portico.embedded.process import EmbeddedStore

_lock = threading.Lock()


@dataclass
class _Attached:
    """What this process uses until it ends."""

    store: EmbeddedStore | None = None


_attached = _Attached()


def attach() -> None:
    """Give this process a store to work on, once.

    ``chalice local`` replaces its process whenever a file changes. The store is not started again for that: it waits
    some seconds for the successor, and ends if none comes.

    Raises:
        CommandError: the store does not start, or the environment asks for something that cannot be.
    """
    with _lock:
        if _attached.store is not None:
            return
        chosen = environment.admin_key()
        data = DataDirectory.from_environment()
        store = EmbeddedStore(data.store)
        environment.use_store(store.url)
        settings.reload()
        provisioning.ensure(tables.main)
        key = chosen or admin_key.ensure(data)
        print(f"Portico keeps its data in {data.path}\nAdmin key: {key}", flush=True)
        JobRunner(jobs.run_pending).start()
        _attached.store = store
