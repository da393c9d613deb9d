"""Where an unfinished import was, in the data directory."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from portico.data import write_private

OVERLAP_SECONDS = 10.0
"""What was acknowledged so shortly before an interruption is sent again: a store may have lost its last writes."""
SAVE_SECONDS = 0.5


@dataclass(frozen=True)
class Progress:
    """How far an import is: rows acknowledged from the beginning, and what became of them."""

    rows: int = 0
    created: int = 0
    existing: int = 0
    failed: int = 0

    def plus(self, rows: int, created: int, existing: int, failed: int) -> Progress:
        """The progress after so many more."""
        return replace(
            self,
            rows=self.rows + rows,
            created=self.created + created,
            existing=self.existing + existing,
            failed=self.failed + failed,
        )


@dataclass
class Checkpoint:
    """Where to go on from, what was acknowledged in the last seconds since, and the base time of the ids.

    ``base_ms`` is kept because the ids are made of it, and a copy of a file has another time.
    """

    path: Path
    base_ms: int
    safe: Progress = field(default_factory=Progress)
    recent: deque[tuple[float, Progress]] = field(default_factory=deque)
    _saved_at: float = 0.0

    @classmethod
    def load(cls, path: Path, base_ms: int) -> Checkpoint:
        """The checkpoint at this path, or a new one."""
        try:
            document = json.loads(path.read_bytes())
            return cls(path, int(document["base_ms"]), Progress(**document["safe"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls(path, base_ms)

    def acknowledge(self, now: float, progress: Progress) -> None:
        """Note that the rows up to here were answered at ``now``, in Unix seconds."""
        self.recent.append((now, progress))
        while self.recent[0][0] <= now - OVERLAP_SECONDS:
            self.safe = self.recent.popleft()[1]
        if now - self._saved_at >= SAVE_SECONDS:
            self.save()
            self._saved_at = now

    def save(self) -> None:
        """Write it."""
        write_private(self.path, json.dumps({"base_ms": self.base_ms, "safe": asdict(self.safe)}))

    def remove(self) -> None:
        """Forget it: the import is complete, and another run of it looks at every row."""
        self.path.unlink(missing_ok=True)


def location(directory: Path, digest: str, collection: str, url: str) -> Path:
    """The file of an import: of a file's content, into a collection, at a URL."""
    name = hashlib.sha256(f"{digest}\n{collection}\n{url}".encode()).hexdigest()
    return directory / f"{name[:32]}.json"


def base_time(directory: Path, names: Sequence[str], milliseconds: int) -> int:
    """The base time of a file's ids: the one of its first import under any of these names, or this one.

    So a file that was corrected, copied or touched and is imported again does not make its rows anew.
    """
    notes = [directory / "times" / hashlib.sha256(name.encode()).hexdigest()[:32] for name in names]
    for note in notes:
        with suppress(OSError, ValueError):
            milliseconds = int(note.read_text())
            break
    for note in notes:
        if not note.exists():
            write_private(note, str(milliseconds))
    return milliseconds
