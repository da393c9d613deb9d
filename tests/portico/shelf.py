"""A stand-in for the service's collections: as much of the import and export contract as the commands use."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from chalice.app import Chalice, Response
from chalice.config import Config

from chalicelib import errors
from portico.gateway import GatewayApplication, RestGateway

from .gateway.small import Running, current, render

JSON: dict[str, str | list[str]] = {"Content-Type": "application/json"}
NDJSON: dict[str, str | list[str]] = {"Content-Type": "application/x-ndjson"}


class Shelf:
    """Collections in memory. ``trouble`` is called before every import and export and may raise a problem."""

    def __init__(self) -> None:
        self.collections: dict[str, dict[str, bytes]] = {}
        self.definitions: dict[str, Any] = {}
        self.batches: list[int] = []
        self.trouble: Callable[[], None] = lambda: None
        self.lines_per_request = 10**9
        self.page = 7

    def serve(self, port: int = 0) -> Running:
        app = self._app()
        rest = RestGateway(app, Config.create(), render=render, cors_origin="")
        return Running(GatewayApplication(rest), port)

    def make(self, name: str) -> dict[str, bytes]:
        self.definitions[name] = {"schema": {"type": "object"}}
        return self.collections.setdefault(name, {})

    def bodies(self, name: str) -> list[Any]:
        return [json.loads(body) for _, body in sorted(self.collections[name].items())]

    def _app(self) -> Chalice:
        app = Chalice("shelf", configure_logs=False)

        @app.route("/v1/collections/{name}", methods=["GET", "PUT"])
        def collection(name: str) -> Response:
            if current(app).method == "PUT":
                self.make(name)
                self.definitions[name] = json.loads(current(app).raw_body)
            if name not in self.collections:
                return render(errors.CollectionNotFound(name))
            return Response(json.dumps(self.definitions[name]), headers=JSON)

        @app.route("/v1/collections/{name}/import", methods=["POST"], content_types=["application/x-ndjson"])
        def load(name: str) -> Response:
            try:
                self.trouble()
            except errors.Problem as problem:
                return render(problem)
            lines = current(app).raw_body.splitlines()
            self.batches.append(len(lines))
            answer = self._load(self.collections[name], lines[: self.lines_per_request])
            answer["next"] = self.lines_per_request + 1 if len(lines) > self.lines_per_request else None
            return Response(json.dumps(answer), headers=JSON)

        @app.route("/v1/collections/{name}/export")
        def dump(name: str) -> Response:
            try:
                self.trouble()
            except errors.Problem as problem:
                return render(problem)
            start = int((current(app).query_params or {}).get("cursor", "0"))
            records = sorted(self.collections[name].items())
            page = [_with_server_set(*record) for record in records[start : start + self.page]]
            headers = dict(NDJSON)
            if start + self.page < len(records):
                headers["Link"] = f'</v1/collections/{name}/export?cursor={start + self.page}>; rel="next"'
            return Response("".join(f"{line}\n" for line in page), headers=headers)

        return app

    @staticmethod
    def _load(records: dict[str, bytes], lines: list[bytes]) -> dict[str, Any]:
        answer: dict[str, Any] = {"created": 0, "existing": 0, "failed": 0, "errors": []}
        for number, line in enumerate(lines, 1):
            try:
                record_id = json.loads(line)["id"]
            except (ValueError, KeyError, TypeError):
                record_id = None
            if not isinstance(record_id, str):
                answer["failed"] += 1
                failure = {"pointer": "/id", "detail": "is not usable"}
                answer["errors"].append({"line": number, "status": 422, "detail": "…", "errors": [failure]})
                continue
            answer["existing" if record_id in records else "created"] += 1
            records.setdefault(record_id, line)
        return answer


def _with_server_set(record_id: str, line: bytes) -> str:
    rest = (
        line.decode().removeprefix(f'{{"id":{json.dumps(record_id)},').removeprefix(f'{{"id":{json.dumps(record_id)}')
    )
    separator = "" if rest == "}" else ","
    return f'{{"id":{json.dumps(record_id)},"version":1,"created_at":"t","updated_at":"t"{separator}{rest}'
