"""A small Chalice application behind the real gateway, on a port of its own."""

from __future__ import annotations

import json
import threading
from typing import Any

import urllib3
from chalice.app import AuthRequest, AuthResponse, Chalice, CORSConfig, Response

from chalicelib import errors
from portico.gateway import GatewayApplication, GatewayServer, bind

PROBLEM = {"Content-Type": errors.MEDIA_TYPE}


def render(problem: errors.Problem) -> Response:
    return Response(
        json.dumps(problem.document()), headers={**PROBLEM, **problem.headers}, status_code=problem.document()["status"]
    )


def current(app: Chalice) -> Any:
    """The request being answered; the type says that there may be none."""
    return app.current_request


def make_app() -> Chalice:  # noqa: C901 - a list of routes
    app = Chalice("small", configure_logs=False)
    app.api.cors = CORSConfig(allow_origin="*")

    @app.authorizer(ttl_seconds=0)
    def door(request: AuthRequest) -> AuthResponse:
        if request.token == "Bearer nobody":
            raise Exception("Unauthorized")  # noqa: TRY002 - how API Gateway wants to be told
        if request.token == "Bearer broken":
            raise RuntimeError("the authorizer is broken")
        return AuthResponse(["*"] if request.token == "Bearer admin" else [], "somebody", {"kind": "key"})

    @app.route("/")
    def index() -> Response:
        return Response('{"hello":"you"}', headers={"Content-Type": "application/json", "ETag": '"1"'})

    @app.route("/echo/{name}", methods=["GET", "PUT"], content_types=["application/json", "text/plain"], cors=True)
    def echo(name: str) -> dict[str, Any]:
        request = current(app)
        return {
            "name": name,
            "headers": dict(request.headers),
            "query": {key: request.query_params.getlist(key) for key in request.query_params or {}},
            "size": len(request.raw_body or b""),
        }

    @app.route("/mine", authorizer=door)
    def mine() -> Response:
        return Response(json.dumps(current(app).context["authorizer"]["principalId"]))

    @app.route("/status/{code}")
    def status(code: str) -> Response:
        return Response("", status_code=int(code), headers={"Content-Type": "text/plain"})

    @app.route("/size/{count}")
    def size(count: str) -> Response:
        return Response("x" * int(count), headers={"Content-Type": "text/plain"})

    @app.route("/cookies")
    def cookies() -> Response:
        return Response("", headers={"Set-Cookie": ["a=1", "b=2"]})

    barrier = threading.Barrier(2, timeout=10)

    @app.route("/together/{name}")
    def together(name: str) -> dict[str, Any]:
        barrier.wait()
        request = current(app)
        barrier.wait()
        return {"name": request.uri_params["name"], "context": app.lambda_context.aws_request_id}

    return app


class Recorder:
    """A background service that notes what happens to it."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def start(self) -> None:
        self.events.append("start")

    def stop(self) -> None:
        self.events.append("stop")


class Running:
    """A gateway that answers, and a client of it."""

    def __init__(self, application: GatewayApplication, port: int = 0) -> None:
        ready = threading.Event()
        listener = bind(port)
        self.port: int = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = GatewayServer(application, listener, ready.set)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        self.http = urllib3.PoolManager(retries=False, timeout=20)
        assert ready.wait(20)

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> urllib3.BaseHTTPResponse:
        return self.http.request(method, self.url + path, headers=headers, body=body)

    def close(self) -> None:
        self.http.clear()
        self._server.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()
