"""The command line: ``portico run | import | export | key``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from chalicelib.errors import Problem
from portico import environment
from portico.errors import CommandError

ENVIRONMENT = """\
environment:
  PORTICO_PORT          port of the local gateway (8000; 0 is any free one)
  PORTICO_DATA          folder of the local data, outside the project (below ~/.local/share/portico)
  PORTICO_ADMIN_KEY     administrator's key to use instead of the generated one (8 to 256 visible ASCII characters)
  PORTICO_DYNAMODB      embedded (default), aws, or the URL of a DynamoDB-compatible endpoint
  PORTICO_TABLE         name of the table (portico)
  PORTICO_STORE_PYTHON  Python that has the embedded store (.venv-store/bin/python)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command and answer its exit code: 0, 1 for what one sentence on stderr says, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    command = {"run": _run, "import": _import, "export": _export, "key": _key}[options.command]
    try:
        return command(options)
    except (CommandError, Problem) as error:
        print(f"portico: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0 if options.command == "run" else 130


def _run(options: argparse.Namespace) -> int:
    from portico.run import run  # noqa: PLC0415 - each command loads what it needs

    run(quiet=options.quiet)
    return 0


def _import(options: argparse.Namespace) -> int:
    from portico import admin_key, importing  # noqa: PLC0415
    from portico.client import Client  # noqa: PLC0415
    from portico.data import DataDirectory  # noqa: PLC0415

    data = DataDirectory.from_environment()
    wanted = importing.Options(options.collection, options.create, options.id_property, options.restart, options.quiet)
    with Client(_url(options), options.key or admin_key.for_client(data), wait=options.wait) as client:
        outcome = importing.run(client, options.file, data, wanted)
    return 1 if outcome.progress.failed else 0


def _export(options: argparse.Namespace) -> int:
    from portico import admin_key, exporting  # noqa: PLC0415
    from portico.client import Client  # noqa: PLC0415
    from portico.data import DataDirectory  # noqa: PLC0415

    key = options.key or admin_key.for_client(DataDirectory.from_environment())
    with Client(_url(options), key, wait=options.wait) as client:
        count = exporting.run(
            client, options.collection, options.output, resume=options.resume, strip=options.bare, quiet=options.quiet
        )
    if not options.quiet:
        print(f"{count} records", file=sys.stderr)
    return 0


def _key(options: argparse.Namespace) -> int:
    from contextlib import ExitStack  # noqa: PLC0415

    from chalicelib import settings  # noqa: PLC0415
    from chalicelib.dynamo import provisioning, tables  # noqa: PLC0415
    from portico.data import DataDirectory  # noqa: PLC0415
    from portico.run import open_store  # noqa: PLC0415

    with ExitStack() as stack:
        open_store(DataDirectory.from_environment(), stack)
        settings.reload()
        provisioning.ensure(tables.main)
        from chalicelib.access import keys  # noqa: PLC0415 - after the environment is complete

        print(keys.create(name=options.name).secret)
    return 0


def _url(options: argparse.Namespace) -> str:
    return options.url or f"http://127.0.0.1:{environment.port(os.environ)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="portico",
        description="Portico on this machine.",
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    run = commands.add_parser("run", help="serve the API on this machine")
    run.add_argument("-q", "--quiet", action="store_true", help="no line per request")

    load = commands.add_parser("import", help="put the rows of a file into a collection")
    load.add_argument("file", metavar="FILE", help="JSON array, NDJSON or CSV; - is standard input")
    load.add_argument("--create", action="store_true", help="make the collection if there is none; it takes any object")
    load.add_argument("--id", dest="id_property", metavar="PROPERTY", help="the property that is the record's id")
    load.add_argument("--restart", action="store_true", help="begin again instead of going on after an interruption")
    _add_connection(load)

    dump = commands.add_parser("export", help="write a collection as NDJSON, oldest first")
    dump.add_argument("-o", "--output", metavar="FILE", type=Path, help="file to write (standard output)")
    dump.add_argument("--resume", action="store_true", help="go on with the file after an interruption")
    dump.add_argument("--bare", action="store_true", help="without id, version, created_at and updated_at")
    _add_connection(dump)

    key = commands.add_parser("key", help="make another administrator's key and print it")
    key.add_argument("--name", default="", help="what the key is for")
    return parser


def _add_connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--collection", metavar="NAME", required=True, help="the collection")
    parser.add_argument("--url", help="where Portico answers (http://127.0.0.1:$PORTICO_PORT)")
    parser.add_argument("--key", help="key to send ($PORTICO_ADMIN_KEY, or the one of the data directory)")
    parser.add_argument(
        "--wait", metavar="SECONDS", type=float, default=30.0, help="how long Portico may be away before giving up (30)"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
