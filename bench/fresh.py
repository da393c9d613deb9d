"""What ``bench.coldstart`` runs in a fresh interpreter: import the app, answer one GET, print the CPU that took.

``python -m bench.fresh ours|bare FILE``, the file having the event and the table's items. What Lambda's own runtime
has imported before it comes to an app (``json``) is not counted; everything else is.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    which, file = sys.argv[1:]
    given = json.loads(Path(file).read_bytes())
    start = _cpu()
    handler: Any
    client: Any
    if which == "ours":
        from app import app as handler  # noqa: PLC0415 - importing is what is measured
        from chalicelib.dynamo import session  # noqa: PLC0415

        client = session.default().client
    else:
        from bench.peer.bare import app as handler  # noqa: PLC0415
        from bench.peer.bare import client  # noqa: PLC0415
    from bench.wire import Wire  # noqa: PLC0415 - it imports botocore

    Wire(given["items"]).attach(client)
    answer = handler(given["event"], None)
    spent = _cpu() - start
    if answer["statusCode"] != 200:
        raise SystemExit(f"answered {answer}")
    print(spent)


if __name__ == "__main__":
    main()
