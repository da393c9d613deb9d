"""Building the botocore client, which is most of a cold start.

Where the credentials are plain values in the environment, as in Lambda, botocore gets a lean session: model files are
read with orjson, the services that botocore knows are not listed (2,700 file look-ups), and its hundred handlers,
none of which is DynamoDB's, are not registered. Anywhere else (profiles, single sign-on, assumed roles) it is the
stock session.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import orjson

from chalicelib.dynamo.signing import Signer
from chalicelib.settings import VERSION

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.session import Session

ATTEMPTS = 3
CONNECT_SECONDS, READ_SECONDS = 2, 6
"""With the pauses between attempts the longest call stays within API Gateway's 29 s."""


def make_client(endpoint_url: str | None, connections: int) -> BaseClient:
    """A DynamoDB client, at AWS or at an endpoint; an endpoint gets made-up credentials when there are none."""
    import botocore  # noqa: PLC0415 - the authorizer of a malformed key never needs it
    from botocore.config import Config  # noqa: PLC0415

    session = _session()
    if endpoint_url is not None and session.get_credentials() is None:
        session.set_credentials("portico", "portico")
    client = session.create_client(
        "dynamodb",
        region_name=session.get_config_variable("region") or ("us-east-1" if endpoint_url else None),
        endpoint_url=endpoint_url,
        config=Config(
            parameter_validation=False,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=connections,
            tcp_keepalive=True,
            # Without it botocore describes the machine anew in every request, a quarter of a call's CPU.
            user_agent=f"Portico/{VERSION} Botocore/{botocore.__version__}",
        ),
    )
    credentials = session.get_credentials()
    if credentials is not None:  # without any, botocore's own signer says so
        events: Any = client.meta.events
        events.register("choose-signer.dynamodb", lambda **_: botocore.UNSIGNED)
        events.register("request-created.dynamodb", Signer(credentials, client.meta.region_name))
    _remember_endpoint(client)
    return client


def _remember_endpoint(client: Any) -> None:
    """Resolve the endpoint once. Of what a call gives only a table named by its ARN can lead to another one."""
    resolver = getattr(client, "_ruleset_resolver", None)
    if resolver is None:  # a botocore that does it otherwise
        return
    resolve, found = resolver.construct_endpoint, dict[str, Any]()

    def construct_endpoint(operation_model: Any, call_args: Any, request_context: Any) -> Any:
        table = str((call_args or {}).get("TableName", ""))
        if not table or ":" in table:
            return resolve(operation_model, call_args, request_context)
        if operation_model.name not in found:
            found[operation_model.name] = resolve(operation_model, call_args, request_context)
        return found[operation_model.name]

    resolver.construct_endpoint = construct_endpoint


def _session() -> Session:
    import botocore.session  # noqa: PLC0415

    if "AWS_ACCESS_KEY_ID" not in os.environ or "AWS_DATA_PATH" in os.environ:
        return botocore.session.get_session()
    session = botocore.session.Session(include_builtin_handlers=False)
    session.register_component("data_loader", _lean_loader())
    return session


def _lean_loader() -> Any:
    from botocore.loaders import JSONFileLoader, Loader  # noqa: PLC0415

    class Files(JSONFileLoader):
        """Reads model files with orjson."""

        def _load_file(self, full_path: str, open_method: Any) -> Any:
            try:
                with open_method(full_path, "rb") as file:
                    return orjson.loads(file.read())
            except FileNotFoundError:
                return None

    class Lean(Loader):
        """Knows of one service."""

        FILE_LOADER_CLASS = Files

        def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - botocore's signature
            return ["dynamodb"]

    return Lean()
