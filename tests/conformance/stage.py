"""The stage of the suite: the reference server, and a sidecar in front of it that lets all pass.

The suite sends no bearer token, so that the endpoint's URL alone must do; and it holds every byte
of the answers against the fixture, so that nothing may be masked. What is tested is the wire.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from pathlib import Path
from typing import Any, Final

import yaml
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from world import PATIENCE

from conformance import rows
from sidecar import identity
from sidecar.catalog import EXITS
from sidecar.demo.world import World
from sidecar.model import ENTITIES, JsonObject

TESTS: Final = Path(__file__).parents[1]
POLICY: Final[JsonObject] = {
    "passed_methods": sorted(EXITS),
    "masks": dict.fromkeys(sorted(ENTITIES), "keep"),
    "always_masked": [],
    "refused_in_arguments": [],
}


class Stage(World):
    """An async context manager: both are up inside. `server` is the reference server's folder."""

    def __init__(self, folder: Path, server: Path) -> None:
        super().__init__(folder)
        self._server = server
        self._path_of_endpoint = ""
        self.direct_url = ""

    @property
    def through_url(self) -> str:
        """The sidecar's URL; on `localhost`, for only there does the suite forge a Host."""
        return self.sidecar_url.replace("127.0.0.1", "localhost") + self._path_of_endpoint

    async def stop_sidecar(self) -> None:
        """Nothing by itself: all that was started ends together."""

    async def _start(self) -> None:
        port = _free_port()
        self.direct_url = f"http://localhost:{port}/mcp"
        await self._start_reference(port)
        async with asyncio.timeout(PATIENCE):
            await _until_listening(port)
        async with Client(streamable_http_client(self.direct_url)) as client:
            listed = await client.list_tools()
        tools = listed.model_dump(mode="json", by_alias=True, exclude_none=True)["tools"]
        self._write("catalog/reference.yaml", rows.document(tools))
        self._write("policies/site/config/data.yaml", POLICY)
        await self.start_sidecar()

    async def _start_reference(self, port: int) -> None:
        with (self.folder / "reference.log").open("w") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "conformance.reference", self._server, str(port),
                cwd=TESTS, stdout=log, stderr=log,
            )  # fmt: skip
        self._processes.append(process)

    def _write(self, name: str, document: JsonObject) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True)
        file.write_text(yaml.safe_dump(document, sort_keys=False))

    def _settings(self, port: int, admin: int) -> dict[str, Any]:
        token = identity.new_endpoint_token()
        key = self.folder / "endpoint-key"
        key.touch(mode=0o600)
        key.write_text(identity.new_endpoint_token())
        self._path_of_endpoint = f"/mcp/{token}"
        return {
            "listen": {"host": "127.0.0.1", "port": port},
            "admin": {"host": "127.0.0.1", "port": admin},
            "allowed_origins": [f"http://localhost:{port}"],
            "backend": {"url": self.direct_url},
            "endpoint_key_file": str(key),
            "endpoints": [
                {
                    "name": "conformance",
                    "token_hash": identity.endpoint_hash(token, identity.endpoint_key(key)),
                    "methods": ["read", "write", "custom"],
                    "require_api_token_auth": False,
                }
            ],
            "policy": {"site_folder": str(self.folder / "policies")},
            "catalog": {"folders": [str(self.folder / "catalog")]},
            "audit": {"folder": str(self.folder / "audit")},
            "log": {"level": "warning", "format": "console"},
        }


async def _until_listening(port: int) -> None:
    while True:
        with contextlib.suppress(ConnectionError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
