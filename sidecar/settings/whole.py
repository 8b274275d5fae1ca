"""All sections together, and the checks between them."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from sidecar.settings.access import DEFAULT_ACCOUNT, Bearer, Endpoint
from sidecar.settings.kinds import Fault, Host, Origin, PublicUrl, ReadableFile, SecretFile
from sidecar.settings.listening import Admin, Listen, Listening, Provisioning
from sidecar.settings.redaction import Redaction
from sidecar.settings.sections import (
    Account,
    Audit,
    Backend,
    Catalog,
    Limits,
    Log,
    Policy,
)
from sidecar.settings.telemetry import Telemetry


class Settings(BaseSettings):
    """Every setting. Only `load` reads the file and the environment; making one reads neither."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    listen: Listen = Listen()
    admin: Admin = Admin()
    allowed_hosts: tuple[Host, ...] = Field(
        (), description="Further accepted `Host` values, besides loopback and `listen.host`."
    )
    allowed_origins: tuple[Origin, ...] = Field(
        (), description="Accepted `Origin` values of browsers; others are refused."
    )
    public_url: PublicUrl | None = Field(
        None,
        description="URL of `/mcp` as clients know it; where it is set, clients are told whose "
        "tokens count (RFC 9728).",
    )
    backend: Backend
    accounts: tuple[Account, ...] = Field(
        (), description="Further accounts at that kind of backend, each with its own credential."
    )
    bearer: Bearer | None = None
    endpoint_key_file: SecretFile | None = Field(
        None, description="File with the key of the endpoints' hashes, at least 32 bytes."
    )
    deny_file: ReadableFile | None = Field(
        None,
        description="YAML file with what was revoked, under `jti`, `sub` and `endpoint`; read "
        "again on a change.",
    )
    endpoints: tuple[Endpoint, ...] = Field(
        description="The URLs of this sidecar and what is sealed into each."
    )
    provisioning: Provisioning | None = None
    policy: Policy = Policy()
    catalog: Catalog = Catalog()
    redaction: Redaction = Redaction()
    audit: Audit
    limits: Limits = Limits()
    log: Log = Log()
    telemetry: Telemetry | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  pydantic passes all five by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  see above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  see above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  see above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments alone: `load` merges file and environment, and knows where each stood."""
        return (init_settings,)


def across(sections: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Fault]]:
    """Everything wrong between sections, for those that are valid in themselves."""
    endpoints: tuple[Endpoint, ...] = sections.get("endpoints", ())
    is_gateway = sections.get("provisioning", ...) is not None  # a faulty one counts as set
    if "endpoints" in sections and not endpoints and not is_gateway:
        what = "has no endpoint: nobody could call"
        yield (("endpoints",), Fault("", what, "name one, or set provisioning"))
    yield from _repeats(endpoints)
    yield from _gateway(sections)
    yield from _accounts(sections.get("accounts"), endpoints)
    if "bearer" in sections and sections["bearer"] is None:
        for index, endpoint in enumerate(endpoints):
            if endpoint.require_api_token_auth:
                what = "needs bearer tokens, and bearer is not set"
                yield (("endpoints", index), Fault("", what, "set bearer.issuer and its keys"))
    if sections.get("endpoint_key_file", ...) is None and any(e.token_hash for e in endpoints):
        what = "must be set where an endpoint has a token_hash"
        yield (("endpoint_key_file",), Fault("", what, "the file that made the hashes"))
    backend, limits = sections.get("backend"), sections.get("limits")
    if backend and limits and limits.streams >= backend.max_connections:
        what = "must be less than backend.max_connections, or listeners leave none for calls"
        yield (("limits",), Fault("streams", what, "lower it, or allow more connections"))
    yield from _ports(sections)


def _ports(sections: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Fault]]:
    """Each listener has an address of its own; port 0 is any free one."""
    taken: dict[tuple[str, int], str] = {}
    for name in ("listen", "admin", "provisioning"):
        one: Listening | None = sections.get(name)
        if one is None or not one.port:
            continue
        owner = taken.setdefault((one.host, one.port), name)
        if owner != name:
            yield ((name,), Fault("port", f"is taken by {owner}", "choose another"))


def _gateway(sections: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Fault]]:
    """What the provisioning API cannot do without, where the others are valid in themselves."""
    config: Provisioning | None = sections.get("provisioning")
    if config is None:
        return
    needs = {
        "public_url": "https://host/mcp, the begin of each URL that it hands out",
        "bearer": "administrators' tokens are verified by its issuers",
        "endpoint_key_file": "make one: sidecar token secret FILE",
    }
    for name, remedy in needs.items():
        if sections.get(name, ...) is None:
            yield ((name,), Fault("", "must be set where provisioning is", remedy))
    bearer: Bearer | None = sections.get("bearer")
    if bearer is not None and bearer.audience == config.audience:
        what = "is bearer.audience: agents' tokens would make endpoints"
        yield (("provisioning",), Fault("audience", what, "choose another"))


def _accounts(
    accounts: tuple[Account, ...] | None, endpoints: tuple[Endpoint, ...]
) -> Iterator[tuple[tuple[str | int, ...], Fault]]:
    """Names that are taken, and endpoints whose account there is not; None: not to be told."""
    if accounts is None:
        return
    names = [DEFAULT_ACCOUNT]
    for index, account in enumerate(accounts):
        if account.name == DEFAULT_ACCOUNT:
            what = "is the name of the account in backend"
            yield (("accounts", index), Fault("name", what, "choose another"))
        elif account.name in names:
            yield (("accounts", index), Fault("name", "is used twice", "each needs its own"))
        names.append(account.name)
    for index, endpoint in enumerate(endpoints):
        if endpoint.account not in names:
            near = get_close_matches(endpoint.account, names, n=1)
            remedy = f"did you mean {near[0]}?" if near else "one of " + ", ".join(names)
            yield (("endpoints", index), Fault("account", "is none of accounts", remedy))


def _repeats(
    endpoints: tuple[Endpoint, ...],
) -> Iterator[tuple[tuple[str | int, ...], Fault]]:
    for key in ("name", "token_hash", "token_file"):
        seen: set[object] = set()
        for index, endpoint in enumerate(endpoints):
            value = getattr(endpoint, key)
            if value is not None and value in seen:
                fault = Fault(key, "is used twice", "each endpoint needs its own")
                yield (("endpoints", index), fault)
            seen.add(value)
    for index in [i for i, endpoint in enumerate(endpoints) if endpoint.is_at_root()][1:]:
        what = "is missing twice: only one can be /mcp"
        yield (("endpoints", index), Fault("token_hash", what, "each endpoint needs its own"))
