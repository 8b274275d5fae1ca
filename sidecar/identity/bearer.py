"""A bearer token's text to a caller: header, signature, claims. The verifier asks and remembers.

Whose keys verify is said by the token's own `iss`, read before anything is verified: it only picks
among the issuers that are configured, and the signature is then checked with that issuer's keys and
algorithms alone, and the claim once more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt

from sidecar.identity import claims as read
from sidecar.identity.claims import BadToken
from sidecar.identity.keys import Keys
from sidecar.model import Caller, Endpoint

_B64TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750 section 2.1
_TYPES: Final = frozenset({"jwt", "application/jwt", "at+jwt", "application/at+jwt"})
"""Of RFC 9068 section 2.1 and RFC 8725 section 3.11; absent counts as JWT."""

_REFUSED_HEADERS: Final = frozenset({"crit", "b64", "jku", "jwk", "x5u", "x5c", "zip", "enc"})
_CHECKED_BY_US: Final = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}

_SLUGS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.InvalidSignatureError, "bad_signature"),
    (jwt.InvalidAudienceError, "wrong_audience"),
    (jwt.InvalidIssuerError, "wrong_issuer"),
    (jwt.MissingRequiredClaimError, "missing_claim"),
    (jwt.InvalidAlgorithmError, "algorithm_refused"),
    (jwt.InvalidKeyError, "unusable_key"),
)


@dataclass(frozen=True, slots=True)
class Workload:
    """Which Kubernetes workload a service-account token must be bound to; "" leaves it open."""

    namespace: str
    service_account: str = ""
    pod_uid: str = ""


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer whose tokens count. Claim names may descend with dots."""

    name: str
    keys: Keys
    algorithms: tuple[str, ...]
    roles_claim: str = "roles"
    purpose_claim: str | None = None
    on_behalf_of_claim: str | None = None
    workload: Workload | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """A caller, until when its token holds (UTC seconds), and by which version of which keys."""

    caller: Caller
    expires: float
    keys: Keys
    version: int

    def holds(self, now: float) -> bool:
        """Whether the verification may still be used."""
        return now < self.expires and self.keys.version == self.version


@dataclass(frozen=True, slots=True)
class _Header:
    kid: str | None
    algorithm: str


async def verified(
    token: str,
    endpoint: Endpoint,
    issuers: Mapping[str, Issuer],
    *,
    audience: str,
    leeway: float,
    now: float,
) -> Verified:
    """Verify a token for us. Times are seconds.

    Raises:
        BadToken: It does not verify; the slug says why.
        OrganDown: The issuer's keys were never reached.
    """
    header = _header(token)
    issuer = issuers.get(_issuer_name(token))
    if issuer is None:
        raise BadToken("wrong_issuer")
    if header.algorithm not in issuer.algorithms:
        raise BadToken("algorithm_refused")
    # Before the key: keys that change in between make the verification one to be done again.
    version = issuer.keys.version
    key = await issuer.keys.find(header.kid, header.algorithm)
    if key is None:
        raise BadToken("unknown_key")
    claims = _claims(token, key, header.algorithm, issuer.name, audience)
    expires = read.check_times(claims, now, leeway)
    if issuer.workload is not None:
        _check_workload(claims, issuer.workload)
    caller = _caller(endpoint, claims, issuer, expires + leeway)
    return Verified(caller, expires, issuer.keys, version)


def _header(token: str) -> _Header:
    """The key id and algorithm that a token names; anything that leads elsewhere is refused.

    A key id is only ever looked up among keys that are here: never a path, never a URL.
    """
    if token.count(".") != 2 or not _B64TOKEN.fullmatch(token):  # noqa: PLR2004  RFC 7515 section 7.1
        raise BadToken("malformed")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise BadToken("malformed") from None
    if _REFUSED_HEADERS & header.keys():
        raise BadToken("header_refused")
    kind, algorithm = header.get("typ", "JWT"), header.get("alg")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise BadToken("wrong_type")
    if not isinstance(algorithm, str) or algorithm.lower() == "none":
        raise BadToken("algorithm_refused")
    return _Header(header.get("kid"), algorithm)


def _issuer_name(token: str) -> str:
    """The `iss` of a token that nobody has verified yet."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise BadToken("malformed") from None
    name = claims.get("iss")
    if name is None:
        raise BadToken("missing_claim")
    return name if isinstance(name, str) else ""


def _claims(token: str, key: Any, algorithm: str, issuer: str, audience: str) -> Mapping[str, Any]:
    """The claims below a signature that verifies, for us and from that issuer.

    Times are checked by `claims.check_times`, which takes the clock as an argument.
    """
    options: Any = {
        "require": ["exp", "iss", "aud", "sub"],
        "enforce_minimum_key_length": True,
        **_CHECKED_BY_US,
    }
    try:
        return jwt.decode(
            token, key, algorithms=[algorithm], audience=audience, issuer=issuer, options=options
        )
    except jwt.PyJWTError as error:
        slugs = (slug for kind, slug in _SLUGS if isinstance(error, kind))
        raise BadToken(next(slugs, "malformed")) from None


def _check_workload(claims: Mapping[str, Any], workload: Workload) -> None:
    """Hold the `kubernetes.io` claim of a projected token against the workload that may come.

    A token that is bound to another pod, or to none where a pod is asked for, is refused: whoever
    stole it is elsewhere (Kubernetes, "Bound service account tokens").
    """
    said = claims.get("kubernetes.io")
    bound = said if isinstance(said, Mapping) else {}
    if bound.get("namespace") != workload.namespace:
        raise BadToken("wrong_namespace")
    if workload.service_account not in {"", _member(bound, "serviceaccount", "name")}:
        raise BadToken("wrong_service_account")
    if workload.pod_uid not in {"", _member(bound, "pod", "uid")}:
        raise BadToken("wrong_pod")


def _member(bound: Mapping[str, Any], kind: str, name: str) -> str:
    """A text member of what a token is bound to; something that equals nothing when absent."""
    inner = bound.get(kind)
    value = inner.get(name) if isinstance(inner, Mapping) else None
    return value if isinstance(value, str) else "\0"


def _caller(endpoint: Endpoint, claims: Mapping[str, Any], issuer: Issuer, ends: float) -> Caller:
    """Read the caller out of verified claims.

    In a delegated token `sub` is the human and `act.sub` the agent that acts (RFC 8693 section
    4.1); so the subject is also on whose behalf, and the actor stands for a missing client id.
    """
    actor = read.actor(claims)
    subject = read.text(claims, "sub")
    if not subject:
        raise BadToken("missing_claim")
    mapped = read.text(claims, issuer.on_behalf_of_claim)
    scopes = claims["scope"] if "scope" in claims else claims.get("scp")
    expiry = endpoint.expires_at
    return Caller(
        endpoint=endpoint,
        is_authenticated=True,
        issuer=issuer.name,
        subject=subject,
        client=read.text(claims, "client_id") or read.text(claims, "azp") or actor,
        token_id=read.text(claims, "jti"),
        scopes=read.words(scopes),
        roles=read.words(read.found(claims, issuer.roles_claim)),
        claims=read.kept(claims),
        on_behalf_of=mapped or (subject if actor else ""),
        purpose=read.text(claims, issuer.purpose_claim),
        expires_at=ends if expiry is None else min(ends, expiry.timestamp()),
    )
