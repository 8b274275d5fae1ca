"""The sections that say who may come in: bearer tokens, their issuers, and endpoints."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import AwareDatetime, Field

from sidecar import model
from sidecar.settings.kinds import (
    ASYMMETRIC,
    LOOPBACK,
    Address,
    Algorithm,
    Fault,
    Method,
    Name,
    PlainUrl,
    ReadableFile,
    Scope,
    SecretFile,
    Section,
    Text,
    TokenFile,
    parsed,
)

DEFAULT_ACCOUNT = "default"
"""What settings call the account of `backend`; nowhere else has it a name."""

_KEYS = ("jwks_url", "keys_file", "hs256_secret_file")


class Kubernetes(Section):
    """Which workload a projected service-account token must be bound to."""

    namespace: Text = Field(description="Namespace of the workload.")
    service_account: Text | None = Field(None, description="Its service account; none: any.")
    pod_uid_file: ReadableFile | None = Field(
        None,
        description="File with the one pod's uid (downward API, `metadata.uid`); none: any pod.",
    )


class Issuer(Section):
    """One issuer of bearer tokens, its keys, and what its claims mean."""

    issuer: Text = Field(description="The `iss` of its tokens.")
    jwks_url: PlainUrl | None = Field(None, description="Where the issuer publishes its key set.")
    keys_file: ReadableFile | None = Field(
        None, description="File with its public keys, as a JWK set or PEM; read again on a change."
    )
    hs256_secret_file: SecretFile | None = Field(
        None,
        description="File with a shared secret (HS256, at least 32 bytes); read again on a change.",
    )
    jwks_ca_file: ReadableFile | None = Field(
        None, description="PEM file with the authorities to trust for `jwks_url`."
    )
    jwks_token_file: TokenFile | None = Field(
        None, description="File with a bearer token to show at `jwks_url`; read for each fetch."
    )
    in_cluster_hosts: tuple[Address, ...] = Field(
        (),
        description="Hosts of key sets inside the cluster, which may have private addresses and "
        "no TLS; loopback may, too.",
    )
    algorithms: tuple[Algorithm, ...] = Field(
        (),
        description="Accepted signatures; empty: HS256 with a secret, else RS256, ES256, EdDSA.",
    )
    roles_claim: Text = Field("roles", description="Claim with the caller's roles; dots descend.")
    purpose_claim: Text | None = Field(
        None, description="Claim that says what the caller's work is for."
    )
    on_behalf_of_claim: Text | None = Field(
        None, description="Claim with the human behind an agent, when not `act` (RFC 8693)."
    )
    kubernetes: Kubernetes | None = None

    def faults(self) -> Iterator[Fault]:
        """One kind of key, and only the algorithms of that kind."""
        if sum(getattr(self, key) is not None for key in _KEYS) != 1:
            yield Fault("jwks_url", "or keys_file or hs256_secret_file must be set", "keep one")
            return
        allowed = {"HS256"} if self.hs256_secret_file else ASYMMETRIC
        if not allowed.issuperset(self.algorithms):
            yield Fault("algorithms", "do not fit the kind of key", "HS256 for a secret alone")
        if self.jwks_url:
            url = parsed(self.jwks_url)
            if url.scheme != "https" and url.host not in {*LOOPBACK, *self.in_cluster_hosts}:
                yield Fault("jwks_url", "must be https", "or list its host in in_cluster_hosts")

    def accepted(self) -> tuple[str, ...]:
        """The algorithms to accept: those set, or the defaults of the kind of key."""
        default = ("HS256",) if self.hs256_secret_file else ("RS256", "ES256", "EdDSA")
        return self.algorithms or default


class Bearer(Section):
    """How bearer tokens verify."""

    audience: Text = Field(description="The `aud` that says a token is meant for this sidecar.")
    issuers: tuple[Issuer, ...] = Field(description="Who may issue tokens; each `iss` once.")
    required_scopes: tuple[Scope, ...] = Field(
        (), description="Scopes that every token needs, all of them; told to clients (RFC 9728)."
    )
    leeway: int = Field(30, ge=0, le=120, description="Seconds by which clocks may differ.")

    def faults(self) -> Iterator[Fault]:
        """At least one issuer, and each once: its keys must be beyond doubt."""
        if not self.issuers:
            yield Fault("issuers", "has no issuer: no token could verify", "name one")
        names = [one.issuer for one in self.issuers]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Fault(f"issuers[{index}].issuer", "is listed twice", "keep one")


class Endpoint(Section):
    """One URL of ours and what is sealed into it."""

    name: Name = Field(description="Name in logs and policies.")
    token_hash: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="Keyed hash of the token in `/mcp/<token>`, as `sidecar endpoint new` prints "
        "it; without: `/mcp`.",
    )
    token_file: SecretFile | None = Field(
        None,
        description="File with that token itself, for callers in the same pod that read it too; "
        "read again on a change.",
    )
    methods: tuple[Method, ...] = Field(
        (),
        description="Methods or groups (`read`, `write`) that may be used; empty: the policy's "
        "`default_methods`, which is `read`.",
    )
    tags: tuple[Text, ...] = Field((), description="Tags of tools that may be used; empty: all.")
    require_api_token_auth: bool = Field(
        default=True, description="Whether callers need a bearer token besides the URL."
    )
    expires_at: AwareDatetime | None = Field(
        None, description="When the URL ends, with a time zone (`2027-01-31T00:00:00Z`)."
    )
    account: Name = Field(
        DEFAULT_ACCOUNT, description="Name of the backend account that its calls use."
    )

    def faults(self) -> Iterator[Fault]:
        """One token at most; a URL that everybody can guess needs a bearer token."""
        if self.token_hash is not None and self.token_file is not None:
            yield Fault("token_file", "is set beside token_hash", "keep one")
        if self.is_at_root() and not self.require_api_token_auth:
            yield Fault(
                "require_api_token_auth",
                "must be true where neither token_hash nor token_file is set",
                "otherwise everybody could call",
            )

    def to_endpoint(self) -> model.Endpoint:
        """The noun that travels the road."""
        account = "" if self.account == DEFAULT_ACCOUNT else self.account
        told = self.model_dump(exclude={"token_file", "account"})
        return model.Endpoint(**told, account=account)

    def is_at_root(self) -> bool:
        """Whether it is the one endpoint at `/mcp`, without a token in its path."""
        return self.token_hash is None and self.token_file is None
