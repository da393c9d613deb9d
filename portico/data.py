"""The data directory: everything that a local Portico keeps, outside the project folder.

It is outside because ``chalice local`` starts again at any change of a file in the project folder.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from portico.errors import CommandError

PROJECT = Path(__file__).resolve().parent.parent
"""The folder of ``app.py`` and ``.chalice``."""


@dataclass(frozen=True)
class DataDirectory:
    """Where the files are. The directory exists and only its owner can read it."""

    path: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, project: Path = PROJECT) -> DataDirectory:
        """``PORTICO_DATA``, or a folder of the project's own below ``$XDG_DATA_HOME`` (``~/.local/share``).

        Raises:
            CommandError: it cannot be made, or is inside the project folder.
        """
        chosen = environ.get("PORTICO_DATA")
        path = Path(chosen).expanduser().resolve() if chosen else default_path(environ, project)
        if path == project or project in path.parents:
            raise CommandError(
                f"PORTICO_DATA ({path}) is inside the project folder, where `chalice local` starts again at every "
                "change of a file; choose a folder outside."
            )
        return cls.at(path)

    @classmethod
    def at(cls, path: Path) -> DataDirectory:
        """The directory at this path, made when it is missing.

        Raises:
            CommandError: it cannot be made or written to.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(f"The data directory {path} cannot be made: {error.strerror}.") from error
        if not os.access(path, os.W_OK | os.X_OK):
            raise CommandError(f"The data directory {path} cannot be written to; PORTICO_DATA names another.")
        return cls(path.resolve())

    @property
    def admin_key(self) -> Path:
        """The administrator's key of this project, mode 0600."""
        return self.path / "admin-key"

    @property
    def store(self) -> Path:
        """The embedded store's own directory."""
        return self.path / "store"

    @property
    def imports(self) -> Path:
        """The checkpoints of unfinished imports."""
        return self.path / "imports"


def default_path(environ: Mapping[str, str], project: Path) -> Path:
    """The data directory of a project when nobody has chosen one: folder name and 8 hex digits of its path's hash."""
    home = environ.get("XDG_DATA_HOME") or ""
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".local" / "share"
    digest = hashlib.sha256(str(project).encode()).hexdigest()[:8]
    return base / "portico" / f"{project.name}-{digest}"


def write_private(path: Path, text: str) -> None:
    """Replace a file, in one step, by one that only its owner can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
