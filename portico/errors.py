"""What the command line tells its user when it cannot go on."""

from __future__ import annotations


class CommandError(Exception):
    """One sentence for the person at the terminal; the command ends with exit code 1."""


class StoreFailed(CommandError):
    """The embedded store cannot be started or reached."""


class ServerUnreachable(CommandError):
    """No Portico answers at the URL, for as long as the command is prepared to wait."""


class ServerRefused(CommandError):
    """Portico answered with a problem document that trying again does not change.

    ``status`` and ``code`` are the document's, or the response's status and an empty code when it sent none.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
