"""The sections: their settings, defaults and the checks between keys of one section."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from sidecar.errors import ConfigError, Problem
from sidecar.settings.certificates import pair_faults
from sidecar.settings.kinds import (
    LOOPBACK,
    BackendUrl,
    Fault,
    Folder,
    Name,
    OpaUrl,
    PlainUrl,
    ProxyUrl,
    ReadableFile,
    SecretFile,
    Section,
    Sha256,
    TokenFile,
    parsed,
    url_in,
)
from sidecar.settings.shipping import Ship

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Bytes = Annotated[int, Field(ge=1024, le=2**40)]
Durability = Literal["written", "synced"]


class Target(Section):
    """Where a backend is, and what we show it."""

    url: BackendUrl | None = Field(None, description="The backend's MCP URL; or use `url_file`.")
    url_file: SecretFile | None = Field(
        None, description="File with the backend's URL, for a URL that holds a token."
    )
    bearer_token_file: TokenFile | None = Field(
        None, description="File with the bearer token sent to the backend."
    )

    def faults(self) -> Iterator[Fault]:
        """One address, and a usable URL in its file."""
        if (self.url is None) == (self.url_file is None):
            yield Fault("url", "must be set, or url_file, and not both", "keep exactly one")
        if self.url_file is not None:
            try:
                url_in(self.url_file)
            except ConfigError as error:
                yield from (Fault("url_file", p.what, p.remedy) for p in error.problems)

    def address(self) -> str:
        """The backend's URL, from wherever it is set. It may be a credential: never log it.

        Raises:
            ConfigError: The file of `url_file` has become unusable since the start.
        """
        if self.url is not None:
            return self.url.get_secret_value()
        if self.url_file is None:
            raise ConfigError([Problem("url", "is not set")])
        return url_in(self.url_file)


class Account(Target):
    """One more account at the kind of backend that `backend` describes: all else is as there."""

    name: Name = Field(description="Name that `endpoints[].account` refers to.")


class Backend(Target):
    """The MCP server behind us."""

    ca_file: ReadableFile | None = Field(
        None, description="PEM file with the authorities to trust instead of the system's."
    )
    client_certificate_file: ReadableFile | None = Field(
        None, description="PEM file with our certificate towards the backend."
    )
    client_key_file: SecretFile | None = Field(
        None, description="PEM file with the key of that certificate."
    )
    tool_exposure: Literal["all", "discovery"] = Field(
        "all", description="`discovery`: tools lie behind `search_tools` and `call_tool`."
    )
    proxy: ProxyUrl | None = Field(None, description="HTTP proxy on the way to the backend.")
    connect_timeout: Seconds = Field(5.0, description="Seconds to connect.")
    reply_timeout: Seconds = Field(60.0, description="Seconds until the reply's headers.")
    idle_timeout: Seconds = Field(300.0, description="Seconds of silence that end a stream.")
    max_connections: int = Field(
        512,
        ge=1,
        le=100_000,
        description="Connections kept for an account; streams hold one each.",
    )

    def faults(self) -> Iterator[Fault]:
        """One usable address; certificate and key a pair."""
        yield from super().faults()
        yield from _client_faults("client", self.client_certificate_file, self.client_key_file)


def _client_faults(name: str, certificate: Path | None, key: Path | None) -> Iterator[Fault]:
    """Of a client's certificate and key, whose settings begin with a name: they are one pair."""
    if certificate is not None and key is not None:
        for fault in pair_faults(certificate, key):
            yield fault._replace(key=f"{name}_{fault.key}")
    elif certificate is not None or key is not None:
        what = f"and {name}_key_file belong together"
        yield Fault(f"{name}_certificate_file", what, "set both")


def _base_faults(url: str) -> Iterator[Fault]:
    if urlsplit(url).scheme != "unix" and urlsplit(url).path not in {"", "/"}:
        yield Fault("opa_url", "must not have a path", "http://127.0.0.1:8181")


class Policy(Section):
    """Who decides."""

    engine: Literal["embedded", "opa", "both"] = Field(
        "embedded",
        description="`embedded` decides in process, `opa` asks an OPA server, `both` does both and "
        "refuses where they differ.",
    )
    site_folder: Folder | None = Field(
        None, description="Folder with your own Rego packages and data."
    )
    candidate_folder: Folder | None = Field(
        None,
        description="Folder on trial in the place of `site_folder`: it judges without effect.",
    )
    opa_url: OpaUrl | None = Field(
        None, description="Base URL of the OPA server, or `unix:///path` of its socket."
    )
    opa_token_file: TokenFile | None = Field(
        None, description="File with the bearer token for the OPA server; read again on a change."
    )
    opa_ca_file: ReadableFile | None = Field(
        None, description="PEM file with the authorities to trust for it instead of the system's."
    )
    opa_client_certificate_file: ReadableFile | None = Field(
        None, description="PEM file with our certificate towards the OPA server."
    )
    opa_client_key_file: SecretFile | None = Field(
        None, description="PEM file with the key of that certificate."
    )
    bundle_url: PlainUrl | None = Field(
        None,
        description="URL of a `bundle.tar.gz` with your own packages, in the place of "
        "`site_folder`; https, or loopback, or with `bundle_sha256`.",
    )
    bundle_seconds: Seconds = Field(
        10.0, description="Seconds between two requests for it, by its ETag."
    )
    bundle_sha256: Sha256 | None = Field(
        None, description="SHA-256 of the one archive that may come, in hex; else any may."
    )
    bundle_token_file: TokenFile | None = Field(
        None, description="File with a bearer token to show there; read for each request."
    )
    bundle_ca_file: ReadableFile | None = Field(
        None, description="PEM file with the authorities to trust for it instead of the system's."
    )
    timeout_ms: int = Field(
        500, ge=1, le=60_000, description="Milliseconds to decide; later is a denial."
    )
    reload_seconds: Seconds = Field(
        1.0,
        description="Seconds between looks at `site_folder`, and at `candidate_folder`; what "
        "changed there counts soon.",
    )
    guard_share: float = Field(
        0.2,
        ge=0,
        le=1,
        description="A new policy that would turn more than this share of the last decisions, or "
        "of the catalog's tools, is held back until it is confirmed; 1: never.",
    )
    guard_decisions: int = Field(
        500, ge=0, le=10_000, description="How many decisions are kept for that, in memory alone."
    )

    def faults(self) -> Iterator[Fault]:
        """An OPA server needs an address."""
        if self.engine != "embedded" and self.opa_url is None:
            what = f"is required when engine is {self.engine}"
            yield Fault("opa_url", what, "http://127.0.0.1:8181")
        yield from _base_faults(self.opa_url or "")
        yield from self._bundle_faults()
        pair = (self.opa_client_certificate_file, self.opa_client_key_file)
        yield from _client_faults("opa_client", *pair)

    def _bundle_faults(self) -> Iterator[Fault]:
        """An archive comes from one place, and by nobody who could change it on the way."""
        if self.bundle_url is None:
            for key in ("bundle_sha256", "bundle_token_file", "bundle_ca_file"):
                if getattr(self, key) is not None:
                    yield Fault(key, "is of no use without bundle_url", "set both, or none")
            return
        if self.site_folder is not None:
            yield Fault("bundle_url", "and site_folder are both set", "keep exactly one")
        if self.engine == "opa":
            what = "is for this process's engine, and OPA decides"
            yield Fault("bundle_url", what, "let OPA read it: opa run --server --config-file")
        url = parsed(self.bundle_url)
        if url.scheme == "http" and url.host not in LOOPBACK and self.bundle_sha256 is None:
            what = "is not https, so anybody on the way could change the rules"
            yield Fault("bundle_url", what, "use https, or set bundle_sha256")


class Catalog(Section):
    """What the tools are."""

    folders: tuple[Folder, ...] = Field(
        (), description="Folders with your own tool descriptions, read after the library's."
    )
    pins_file: Path | None = Field(
        None, description="What was reviewed of each tool; else the first list that is read."
    )
    refresh_seconds: Seconds = Field(
        60.0, description="Seconds between looks at the backend's list of tools."
    )


class Audit(Section):
    """Where evidence goes."""

    folder: Path = Field(description="Folder of the audit log; one writer each.")
    reads: Durability = Field(
        "written", description="Before a read: `written` survives the process."
    )
    writes: Durability = Field(
        "synced", description="Before a write: `synced` survives the machine."
    )
    max_bytes: Bytes = Field(
        1_073_741_824,
        description="Size that the whole folder never passes; a full log refuses every call.",
    )
    segment_bytes: Bytes = Field(
        268_435_456,
        description="Size at which a file of the log is closed; a quarter of the whole at most.",
    )
    keep_days: int = Field(
        0, ge=0, le=36_500, description="Days that no closed file is pruned before, room or none."
    )

    instance: Name | None = Field(
        None, description="Name of this instance in the log; else the machine's, and the port."
    )
    signing_key_file: SecretFile | None = Field(
        None,
        description="PEM file with the Ed25519 key that signs checkpoints; else one is made beside "
        "the log, where whoever can write the log can sign it, too.",
    )
    heartbeat_seconds: Seconds = Field(
        60.0, description="Seconds between checkpoints of a log in which nothing happens."
    )
    ship: Ship = Ship()

    def faults(self) -> Iterator[Fault]:
        """What exists in the folder's place is a folder."""
        if self.folder.exists() and not self.folder.is_dir():
            yield Fault("folder", "is no folder", "name a folder; it is made when missing")


class Limits(Section):
    """How much is let in and out."""

    request_bytes: Bytes = Field(4_194_304, description="Largest request body.")
    reply_bytes: Bytes = Field(16_777_216, description="Largest reply body or stream event.")
    body_timeout: Seconds = Field(10.0, description="Seconds for a request's body to arrive.")
    streams: int = Field(256, ge=1, le=100_000, description="Streams open at the same time.")
    grace: Seconds = Field(10.0, description="Seconds that open work gets at shutdown.")


class Log(Section):
    """The operational log, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Lowest level that is logged; `audit anchor` lines always are."
    )
    anchors_file: Path | None = Field(
        None, description="File that `audit anchor` lines are added to, instead of the log."
    )
    format: Literal["json", "console"] = Field(
        "json", description="`json` for machines, `console` for a terminal."
    )
