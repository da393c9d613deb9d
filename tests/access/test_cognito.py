"""Tokens of a real OpenID Connect provider: MiniStack's Amazon Cognito, in a process of the test's own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import botocore.session
import pytest

from chalicelib import settings
from chalicelib.access import authentication
from portico.embedded.process import interpreter

REGION = "eu-west-1"
PASSWORD = "Correct-horse-7"


@dataclass(frozen=True)
class Pool:
    """A user pool with a user, who is in a group."""

    client: Any
    url: str
    id: str
    audience: str
    subject: str

    def setting(self, **members: Any) -> str:
        """``PORTICO_ISSUERS``. The emulator's tokens name AWS, so where its documents are has to be said."""
        return json.dumps(
            [
                {
                    "issuer": f"https://cognito-idp.{REGION}.amazonaws.com/{self.id}",
                    "name": "cognito",
                    "audiences": [self.audience],
                    "roles_claim": "cognito:groups",
                    "roles": {"Staff": "editor", "Owners": "admin"},
                    "discovery": f"{self.url}/{self.id}/.well-known/openid-configuration",
                    **members,
                }
            ]
        )

    def tokens(self) -> Mapping[str, str]:
        """The tokens of a sign-in."""
        answer = self.client.initiate_auth(
            ClientId=self.audience,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "ann", "PASSWORD": PASSWORD},
        )
        found: Mapping[str, str] = answer["AuthenticationResult"]
        return found


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of MiniStack with Cognito. It signs tokens if it finds the cryptography package, which is lent to it."""
    folder = tmp_path_factory.mktemp("cognito")
    (folder / "lent").mkdir()
    for package in ("cryptography", "cffi", "_cffi_backend", "pycparser"):
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        (folder / "lent" / origin.name).symlink_to(origin)
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(folder / "lent"),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "SERVICES": "cognito-idp",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "STATE_DIR": str(folder / "state"),
    }
    usable = subprocess.run([str(interpreter()), "-c", "from cryptography import x509"], env=environ, check=False)
    if usable.returncode:
        pytest.skip("the store's Python is of another version, and has no cryptography of its own")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(interpreter()), "-m", "ministack"], env=environ, cwd=folder, stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_it_answers(f"{url}/_ministack/health", process)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            urlopen(url, timeout=2).close()
        except (URLError, OSError):
            assert process.poll() is None, "MiniStack has ended"
            assert time.monotonic() < deadline, "MiniStack did not start"
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="module")
def pool(emulator: str) -> Pool:
    client: Any = botocore.session.Session().create_client(
        "cognito-idp",
        region_name=REGION,
        endpoint_url=emulator,
        aws_access_key_id="a",
        aws_secret_access_key="b",
    )
    pool_id = client.create_user_pool(PoolName="shop")["UserPool"]["Id"]
    app = client.create_user_pool_client(
        UserPoolId=pool_id, ClientName="web", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    )
    attributes = [{"Name": "email", "Value": "ann@example.org"}, {"Name": "email_verified", "Value": "true"}]
    user = client.admin_create_user(
        UserPoolId=pool_id, Username="ann", UserAttributes=attributes, MessageAction="SUPPRESS"
    )
    client.admin_set_user_password(UserPoolId=pool_id, Username="ann", Password=PASSWORD, Permanent=True)
    client.create_group(UserPoolId=pool_id, GroupName="Staff")
    client.admin_add_user_to_group(UserPoolId=pool_id, Username="ann", GroupName="Staff")
    told = {each["Name"]: each["Value"] for each in user["User"]["Attributes"]}
    return Pool(client, emulator, pool_id, app["UserPoolClient"]["ClientId"], told["sub"])


@pytest.fixture(autouse=True)
def _on_this_machine() -> Iterator[None]:
    with settings.override(stage="local", in_lambda=False):
        yield


def test_cognitos_access_tokens_are_users_with_the_roles_of_their_groups(pool: Pool) -> None:
    with settings.override(issuers=pool.setting()):
        principal = authentication.authenticate(pool.tokens()["AccessToken"])
    assert principal is not None
    assert principal.id == f"user:cognito|{pool.subject}"
    assert principal.kind == "user"
    assert principal.roles == {"editor"}


def test_cognitos_id_tokens_are_admitted_where_that_is_configured(pool: Pool) -> None:
    tokens = pool.tokens()
    with settings.override(issuers=pool.setting()):
        assert authentication.authenticate(tokens["IdToken"]) is None
    with settings.override(issuers=pool.setting(token_use=["id"])):
        principal = authentication.authenticate(tokens["IdToken"])
        assert authentication.authenticate(tokens["AccessToken"]) is None
    assert principal is not None
    assert dict(principal.claims) == {"email": "ann@example.org"}
    assert principal.roles == {"editor"}


def test_cognitos_tokens_for_another_client_or_pool_are_nobodys(pool: Pool) -> None:
    token = pool.tokens()["AccessToken"]
    for members in (
        {"audiences": ["another"]},
        {"issuer": f"https://cognito-idp.{REGION}.amazonaws.com/{REGION}_other"},
        {"algorithms": ["ES256"]},
    ):
        with settings.override(issuers=pool.setting(**members)):
            assert authentication.authenticate(token) is None


def test_cognitos_refresh_tokens_and_changed_tokens_are_nobodys(pool: Pool) -> None:
    tokens = pool.tokens()
    header, claims, signature = tokens["AccessToken"].split(".")
    _, others, _ = tokens["IdToken"].split(".")
    with settings.override(issuers=pool.setting()):
        for wrong in (
            tokens["RefreshToken"],
            f"{header}.{others}.{signature}",
            f"{header}.{claims}.{signature[:-4]}",
            f"{header}.{claims}.",
        ):
            assert authentication.authenticate(wrong) is None
