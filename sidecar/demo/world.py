"""Three real processes on loopback: the simulator of Gladly, the MCP backend, the sidecar."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import yaml

from sidecar import identity
from sidecar.local.processes import Processes, end, free_port, until_ready

ISSUER: Final = "https://issuer.demo.invalid"
AUDIENCE: Final = "gladly-mcp-sidecar"
EMAIL: Final = "api.user@example.com"

SCOPES: Final[dict[str, dict[str, Any]]] = {
    "triage": {
        "methods": ["read", "create"],
        "tags": ["customers", "conversations", "tasks", "inboxes"],
    },
    "call-audit": {
        "methods": ["read", "create"],
        "tags": ["customers", "conversations", "voice", "tasks"],
    },
    "insights": {
        "methods": ["read", "create"],
        "tags": ["customers", "conversations", "export", "webhooks"],
    },
    "read-only": {"methods": ["read"]},
    "knowledge-base": {"methods": ["read"], "tags": ["public_answers"]},
    "contractor": {"methods": ["read"], "expires_at": datetime.now(UTC) - timedelta(hours=1)},
}
"""The demo's endpoints: name, and the scope sealed into each."""

POLICY: Final[dict[str, Any]] = {"site": {"config": {"bulk_roles": ["analyst"]}}}
"""The demo's own policy data: who may export."""


class World(Processes):
    """An async context manager: everything is up inside, and ended after it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self._paths: dict[str, str] = {}
        self.simulator_url = self.backend_url = self.sidecar_url = ""
        self.audit_log = folder / "audit" / "audit.jsonl"
        self.backend_token = ""
        self.gladly_token = ""

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_sidecar()
        await self.end_all()

    async def _start(self) -> None:
        self.gladly_token = self._secret("gladly-token")
        self.backend_token = self._secret("backend-token")
        self._secret("bearer-secret")
        self._secret("endpoint-key")
        self.simulator_url = await self.announced(
            "gladly", "simulate", "--port", "0", "--email", EMAIL,
            "--token-file", self._path("gladly-token"),
        )  # fmt: skip
        self.backend_url = await self.announced(
            "gladly", "serve", "--port", "0", "--url", self.simulator_url, "--email", EMAIL,
            "--token-file", self._path("gladly-token"),
            "--bearer-file", self._path("backend-token"),
        )  # fmt: skip
        await self.start_sidecar()

    async def start_sidecar(self) -> None:
        """Start the sidecar and wait until it is ready; its URLs are new each time."""
        port, admin = free_port(), free_port()
        self.sidecar_url = f"http://127.0.0.1:{port}"
        config = self.folder / "sidecar.yaml"
        config.write_text(yaml.safe_dump(self._settings(port, admin), sort_keys=False))
        process = await self.spawn("serve", "--config", str(config))
        await until_ready(f"http://127.0.0.1:{admin}/readyz", process)

    async def stop_sidecar(self) -> None:
        """End the sidecar as Kubernetes would, so that the audit log gets its last line."""
        if len(self._processes) > 2:  # noqa: PLR2004 - simulator, backend, sidecar
            await end(self._processes.pop())

    def url(self, endpoint: str) -> str:
        """The URL that an agent is given for an endpoint."""
        return f"{self.sidecar_url}{self._paths[endpoint]}"

    def bearer(self, subject: str, *, audience: str = AUDIENCE, roles: tuple[str, ...] = ()) -> str:
        """A bearer token for a caller, as an issuer would mint it."""
        return identity.issue(
            (self.folder / "bearer-secret").read_text().strip(),
            issuer=ISSUER,
            audience=audience,
            subject=subject,
            ttl_s=3600,
            roles=roles,
        )

    def _settings(self, port: int, admin: int) -> dict[str, Any]:
        endpoints = []
        for name, scope in SCOPES.items():
            token = identity.new_endpoint_token()
            self._paths[name] = f"/mcp/{token}"
            endpoints.append({"name": name, "token_hash": self.token_hash(token)} | scope)
        return {
            "listen": {"host": "127.0.0.1", "port": port},
            "admin": {"host": "127.0.0.1", "port": admin},
            "backend": {
                "url": f"{self.backend_url}/mcp",
                "bearer_token_file": self._path("backend-token"),
            },
            "bearer": {
                "audience": AUDIENCE,
                "issuers": [{"issuer": ISSUER, "hs256_secret_file": self._path("bearer-secret")}],
            },
            "endpoint_key_file": self._path("endpoint-key"),
            "endpoints": endpoints,
            "policy": {"site_folder": self._site()},
            "audit": {"folder": str(self.folder / "audit")},
            "log": {
                "level": "warning",
                "format": "console",
                "anchors_file": self._path("audit.anchors"),
            },
        }

    def token_hash(self, token: str) -> str:
        """What the settings hold of an endpoint's token."""
        return identity.endpoint_hash(token, identity.endpoint_key(self.folder / "endpoint-key"))

    def _site(self) -> str:
        """The folder of the demo's own policy data, written."""
        folder = self.folder / "policy"
        folder.mkdir(exist_ok=True)
        (folder / "data.yaml").write_text(yaml.safe_dump(POLICY))
        return str(folder)

    def _path(self, name: str) -> str:
        return str(self.folder / name)

    def _secret(self, name: str) -> str:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
        return path.read_text()
