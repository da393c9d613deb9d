"""Tokens of other issuers: any OpenID Connect provider that ``PORTICO_ISSUERS`` names, Amazon Cognito included."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson

from chalicelib import settings
from chalicelib.access import clock, tokens
from chalicelib.access.fetching import FetchFailed, fetch, is_admissible
from chalicelib.access.principals import ADMIN, Principal
from chalicelib.access.tokens import ALGORITHMS, PublicKey, Token

log = logging.getLogger(__name__)

REFRESH_SECONDS = 60
"""How soon a key that is not known makes a process fetch the keys again."""
RETRY_SECONDS = 10
"""How soon it tries again when it has none at all."""
FRESH_SECONDS = 3600
"""How long the keys are used without looking for changes."""
STALE_SECONDS = 24 * 3600
"""How long they are used while the issuer does not answer."""
MAX_KEYS = 100
MAX_ROLES, MAX_ROLE_CHARACTERS = 50, 64
MAX_CLAIMS, MAX_CLAIM_BYTES = 20, 512
"""What is taken over of a token; API Gateway passes a few KB from its authorizer on."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SUBJECT = re.compile(r"[\x20-\x7e]{1,255}")  # OpenID Connect Core, 2
_MEMBERS = frozenset(
    {"issuer", "name", "audiences", "algorithms", "roles_claim", "roles", "claims", "token_use", "discovery"}
)


class InvalidIssuers(ValueError):
    """``PORTICO_ISSUERS`` cannot be used; the text says why."""


@dataclass(frozen=True)
class Issuer:
    """An issuer whose tokens are admitted.

    audiences: one of them has to be the token's ``aud``, or its ``client_id`` where it has no ``aud``.
    roles_claim: the claim that has the roles, or the path to it with dots between.
    roles: Portico's role for one of the issuer's. None: they are the same, but for ``admin``, which only this gives.
    claims: those that access rules know as members of ``auth``.
    token_use: what Cognito's claim of this name has to be; ``required`` says whether it has to be there.
    """

    issuer: str
    name: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    roles_claim: str
    roles: tuple[tuple[str, str], ...] | None
    claims: tuple[str, ...]
    token_use: frozenset[str]
    token_use_required: bool
    discovery: str

    def is_for_us(self, claims: Mapping[str, Any]) -> bool:
        """Whether a token is meant for this service, and is of a kind that lets in."""
        if not self.token_use_required and "token_use" not in claims:
            right_use = True
        else:
            right_use = isinstance(claims.get("token_use"), str) and claims["token_use"] in self.token_use
        meant = claims["aud"] if "aud" in claims else claims.get("client_id")
        audiences = meant if isinstance(meant, list) else [meant]
        return right_use and any(isinstance(each, str) and each in self.audiences for each in audiences)

    def roles_of(self, claims: Mapping[str, Any]) -> frozenset[str]:
        """Portico's roles of a token."""
        found = _at(claims, self.roles_claim)
        listed = found.split() if isinstance(found, str) else found if isinstance(found, list) else []
        theirs = [each for each in listed if isinstance(each, str) and 0 < len(each) <= MAX_ROLE_CHARACTERS]
        if self.roles is None:
            return frozenset([each for each in theirs if each != ADMIN][:MAX_ROLES])
        ours = dict(self.roles)
        return frozenset([ours[each] for each in theirs if each in ours][:MAX_ROLES])

    def claims_of(self, claims: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        """What rules know besides. An address that the issuer has not verified is nobody's."""
        told = {name: claims[name] for name in self.claims if name in claims and _is_small(claims[name])}
        if claims.get("email_verified") not in (True, "true"):
            told.pop("email", None)
        return tuple(told.items())


def authenticate(token: Token) -> Principal | None:
    """The principal of a configured issuer's token; None if it is nobody's, or not genuine."""
    current = settings.current()
    issuer = configured(current.issuers, loopback=current.is_local).get(str(token.claims.get("iss")))
    if issuer is None or token.algorithm not in issuer.algorithms or not issuer.is_for_us(token.claims):
        return None
    subject = token.claims.get("sub")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        return None
    key = _key_set(issuer).find(token)
    if key is None or not tokens.is_genuine(token, key, issuer=issuer.issuer, algorithms=issuer.algorithms):
        return None
    claims = token.claims
    return Principal(f"user:{issuer.name}|{subject}", "user", issuer.roles_of(claims), claims=issuer.claims_of(claims))


class KeySet:
    """The keys that an issuer publishes, as far as this process knows them."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._lock = threading.Lock()
        self._keys: tuple[PublicKey, ...] = ()
        self._loaded_at = self._tried_at = float("-inf")

    def find(self, token: Token) -> PublicKey | None:
        """The key that the token says it is signed with. One that is not known is looked for once a minute at most."""
        found = self._known(token)
        if found is None or clock.now() - self._loaded_at >= FRESH_SECONDS:
            with self._lock:
                if clock.now() - self._tried_at >= (REFRESH_SECONDS if self._keys else RETRY_SECONDS):
                    self._refresh()
            found = self._known(token)
        return found

    def _known(self, token: Token) -> PublicKey | None:
        fitting = [key for key in self._keys if token.algorithm in key.algorithms]
        if token.kid is None:  # OpenID Connect Core, 10.1: only where there is no choice
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.kid == token.kid), None)

    def _refresh(self) -> None:
        self._tried_at = clock.now()
        try:
            self._keys = tuple(_fetched(self._issuer))
        except FetchFailed as error:
            log.warning("The keys of the issuer %s cannot be fetched: %s", self._issuer.name, error)
            if clock.now() - self._loaded_at >= STALE_SECONDS:
                self._keys = ()
        else:
            self._loaded_at = clock.now()


_key_sets: dict[Issuer, KeySet] = {}


def _key_set(issuer: Issuer) -> KeySet:
    return _key_sets.setdefault(issuer, KeySet(issuer))


def _fetched(issuer: Issuer) -> Iterable[PublicKey]:
    """The keys of an issuer that can be used, by way of its discovery document.

    Raises:
        FetchFailed: they are not to be had.
    """
    document = fetch(issuer.discovery)
    if not isinstance(document, dict) or document.get("issuer") != issuer.issuer:
        # OpenID Connect Discovery, 4.3
        raise FetchFailed(f"{issuer.discovery} is not the document of {issuer.issuer}")
    location = document.get("jwks_uri")
    if not is_admissible(location, loopback=settings.current().is_local):
        raise FetchFailed(f"{issuer.discovery} names no jwks_uri with https")
    key_set = fetch(str(location))
    listed = key_set.get("keys") if isinstance(key_set, dict) else None
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise FetchFailed(f"{location} is no set of at most {MAX_KEYS} keys")
    return [key for key in map(PublicKey.from_jwk, listed) if key is not None]


@lru_cache(maxsize=8)
def configured(text: str, *, loopback: bool) -> Mapping[str, Issuer]:
    """The issuers of a setting's text by their URL; none, and an error in the log, of one that cannot be used."""
    try:
        return parse(text, loopback=loopback)
    except InvalidIssuers as error:
        log.error("PORTICO_ISSUERS cannot be used, so no issuer's tokens are admitted: %s", error)  # noqa: TRY400
        return {}


def parse(text: str, *, loopback: bool = False) -> dict[str, Issuer]:
    """The issuers of a setting's text, by their URL.

    Raises:
        InvalidIssuers: it is not a JSON array of issuers; see ``docs/auth.md``.
    """
    try:
        listed = orjson.loads(text)
    except ValueError as error:
        raise InvalidIssuers(f"it is not JSON ({error})") from None
    if not isinstance(listed, list):
        raise InvalidIssuers("it is not an array")
    made = [_parsed(document, loopback=loopback) for document in listed]
    by_url = {issuer.issuer: issuer for issuer in made}
    if len(by_url) < len(made) or len({issuer.name for issuer in made}) < len(made):
        raise InvalidIssuers("two issuers have the same issuer or name")
    return by_url


def _parsed(document: Any, *, loopback: bool) -> Issuer:
    if not isinstance(document, dict) or not document.keys() <= _MEMBERS:
        raise InvalidIssuers(f"each issuer is an object with some of {', '.join(sorted(_MEMBERS))}")
    issuer = document.get("issuer")
    discovery = document.get("discovery", f"{str(issuer).rstrip('/')}/.well-known/openid-configuration")
    for member, url in (("issuer", issuer), ("discovery", discovery)):
        if not is_admissible(url, loopback=loopback):
            raise InvalidIssuers(f"{member} is not an https URL: {url!r}")
    algorithms = _texts(document, "algorithms", ["RS256", "ES256"])
    if not algorithms or not ALGORITHMS.keys() >= set(algorithms):
        raise InvalidIssuers(f"algorithms are some of {', '.join(ALGORITHMS)}")
    audiences = _texts(document, "audiences", [])
    if not audiences:
        raise InvalidIssuers(f"{issuer} needs audiences: the client ids or resources that tokens are for")
    name = document.get("name", urlsplit(str(issuer)).hostname)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidIssuers(f"a name is up to 64 letters, digits, '.', '_' and '-', and not {name!r}")
    roles = document.get("roles")
    if not isinstance(roles, (dict, type(None))) or not all(isinstance(each, str) for each in (roles or {}).values()):
        raise InvalidIssuers("roles is an object that has a role for some of the issuer's")
    roles_claim = document.get("roles_claim", "roles")
    claims = _texts(document, "claims", ["email"])
    if not isinstance(roles_claim, str) or len(claims) > MAX_CLAIMS:
        raise InvalidIssuers(f"roles_claim is a claim's name, and claims are at most {MAX_CLAIMS}")
    return Issuer(
        str(issuer),
        name,
        frozenset(audiences),
        frozenset(algorithms),
        roles_claim,
        None if roles is None else tuple(roles.items()),
        tuple(claims),
        frozenset(_texts(document, "token_use", ["access"])),
        "token_use" in document,
        str(discovery),
    )


def _texts(document: Mapping[str, Any], member: str, default: list[str]) -> list[str]:
    value = document.get(member, default)
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(each, str) and each for each in listed):
        raise InvalidIssuers(f"{member} is a text or an array of texts")
    return listed


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its name, which may have dots in it, or by a path."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _is_small(value: Any) -> bool:
    """Whether a claim is one that rules can ask of: a text, a number, a boolean, or a list of these."""
    parts = value if isinstance(value, list) else [value]
    return all(isinstance(each, (str, int, float)) for each in parts) and len(orjson.dumps(value)) <= MAX_CLAIM_BYTES
