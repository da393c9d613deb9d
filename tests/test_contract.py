"""The running gateway against its own OpenAPI document: every answer is one that the document says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.portico.commands import Server

KEY = "contract-test-key"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
BOOKS = {
    "schema": {
        "type": "object",
        "required": ["title", "stock"],
        "additionalProperties": False,
        "$defs": {"text": {"type": "string", "maxLength": 200}},
        "properties": {
            "title": {"$ref": "#/$defs/text"},
            "stock": {"type": "integer", "minimum": 0, "default": 0},
            "isbn": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 5},
            "until": {"type": "string", "format": "date-time"},
        },
    },
    "unique": ["isbn"],
    "ttl": "until",
}
NOTES = {
    "schema": {"type": "object", "dependentRequired": {"author": ["year"]}},
    "shards": 3,
    "require_preconditions": True,
}


def test_every_answer_is_one_that_the_openapi_document_describes(tmp_path: Path) -> None:
    gateway = Server(tmp_path, PORTICO_ADMIN_KEY=KEY)
    with gateway:
        for name, definition in {"books": BOOKS, "notes": NOTES}.items():
            assert gateway.request("PUT", f"/v1/collections/{name}", definition, KEY)[0] == 201
        result = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                f"{gateway.url}/openapi.json",
                "--header",
                f"Authorization: Bearer {KEY}",
                "--checks",
                ",".join(CHECKS),
                "--max-examples",
                "25",
                "--seed",
                "1",
                "--continue-on-failure",
                "--warnings",
                "off",
                "--no-color",
            ],
            env={
                **os.environ,
                "SCHEMATHESIS_HOOKS": "tests.contract_hooks",
                "PYTHONPATH": str(Path(__file__).parents[1]),
                "PYTHONWARNINGS": "ignore",
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=420,
            check=False,
        )
    assert result.returncode == 0, result.stdout[-8000:] + "\n".join(gateway.lines[-40:])


def test_the_openapi_document_is_json_and_names_every_problem(tmp_path: Path) -> None:
    from chalicelib.http.endpoints import ENDPOINTS  # noqa: PLC0415
    from chalicelib.http.openapi import document  # noqa: PLC0415

    schemas = json.loads(json.dumps(document([])))["components"]["schemas"]
    codes = {cls.code for endpoint in ENDPOINTS.values() for cls in endpoint.every_problem()}
    assert {f"problem.{code}" for code in codes} <= set(schemas)
