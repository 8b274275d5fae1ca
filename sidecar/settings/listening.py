"""The sections of the listeners: where each is reached, and with which certificate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from sidecar.settings.certificates import pair_faults
from sidecar.settings.kinds import Address, Fault, ReadableFile, SecretFile, Section, Text

Port = Annotated[int, Field(ge=0, le=65_535)]


class Listening(Section):
    """A listener. It speaks TLS if it has a certificate and its key."""

    host: Address = Field("127.0.0.1", description="Address to listen on.")
    port: Port = Field(0, description="Port to listen on; 0 takes any free one.")
    certificate_file: ReadableFile | None = Field(
        None, description="PEM file with this listener's certificate and its chain; none: no TLS."
    )
    key_file: SecretFile | None = Field(
        None, description="PEM file with the key of that certificate."
    )

    def faults(self) -> Iterator[Fault]:
        """Certificate and key together, and one pair."""
        if (self.certificate_file is None) != (self.key_file is None):
            yield Fault("certificate_file", "and key_file belong together", "set both")
        elif self.certificate_file is not None and self.key_file is not None:
            yield from pair_faults(self.certificate_file, self.key_file)


class Listen(Listening):
    """Where agents reach us."""

    host: Address = Field("127.0.0.1", description="Address on which agents reach the sidecar.")
    port: Port = Field(8080, description="Port for agents; 0 takes any free one.")


class Admin(Listening):
    """Where the platform reaches us."""

    host: Address = Field("127.0.0.1", description="Address of `/livez`, `/readyz` and `/metrics`.")
    port: Port = Field(9090, description="Port of `/livez`, `/readyz` and `/metrics`.")


class Provisioning(Listening):
    """Where administrators make endpoints over an API: a gateway's third listener."""

    host: Address = Field("127.0.0.1", description="Address of the provisioning API.")
    port: Port = Field(9091, description="Port of the provisioning API; 0 takes any free one.")
    store_file: Path = Field(
        description="SQLite file with the provisioned endpoints, made when missing; of one sidecar."
    )
    audience: Text = Field(
        description="The `aud` that says a token is meant for the provisioning API; never that of "
        "`bearer`, so that no agent's token makes endpoints. Scopes: `endpoints:read`, "
        "`endpoints:write`."
    )

    def faults(self) -> Iterator[Fault]:
        """Besides the certificate: a file in a folder that is there."""
        yield from super().faults()
        if self.store_file.exists() and not self.store_file.is_file():
            yield Fault("store_file", "is no file", "name a file; it is made when missing")
        elif not self.store_file.parent.is_dir():
            yield Fault("store_file", "lies in no folder", "make its folder first")
