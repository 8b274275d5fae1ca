"""What one person's sidecar keeps between two runs, in a folder that only this person can read."""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from sidecar import identity
from sidecar.errors import ConfigError, Problem

_ENDPOINT = "claude"
_GLADLY = "gladly.yaml"


@dataclass(frozen=True, slots=True)
class Gladly:
    """Whose Gladly it is: base URL, the API user's e-mail address, the file with its token.

    `ca_file` names the authorities to trust instead of the system's.
    """

    url: str
    email: str
    token_file: Path
    ca_file: Path | None = None


class Folder:
    """The folder. Makes it, and the secrets that are not there yet.

    With `is_taken` this process has it alone until it ends, before anything is written.

    Raises:
        ConfigError: it cannot be made or written, everybody can write in it, or another process
            has taken it.
    """

    STDIO_AUDIT: ClassVar = "audit-stdio"

    def __init__(self, path: Path, *, is_taken: bool = False) -> None:
        self.path = path.expanduser().absolute()
        try:
            # One that was there keeps its mode, since others may use it; each file is ours alone.
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            mode = self.path.stat().st_mode
        except OSError as error:
            what = f"cannot be made: {error.strerror}"
            raise ConfigError([Problem(str(self.path), what, "name another --folder")]) from None
        if mode & stat.S_IWOTH:
            # Whoever can write in it can put a file of their own in the place of ours.
            what = "can be written by everybody"
            raise ConfigError([Problem(str(self.path), what, "chmod o-w, or another --folder")])
        if is_taken:
            self._occupy()
        self.backend_token = self._secret("backend-token")
        self.simulated_token = self._secret("simulated-token")
        self._endpoint_token = self._secret("endpoint-token")
        self._endpoint_key = self._secret("endpoint-key")

    @property
    def gladly_token(self) -> Path:
        """Where the Gladly API token is kept when it was typed in."""
        return self.path / "gladly-token"

    @property
    def _gladly(self) -> Path:
        return self.path / _GLADLY

    @property
    def audit(self) -> Path:
        """The folder of the audit log."""
        return self.path / "audit"

    @property
    def endpoint_path(self) -> str:
        """The path of the one endpoint: `/mcp/<token>`. Whoever has it can read."""
        return f"/mcp/{self._endpoint_token.read_text('utf-8').strip()}"

    @property
    def stdio_audit(self) -> Path:
        """Below it each client that starts `sidecar stdio` has an audit log of its own."""
        return self.path / self.STDIO_AUDIT

    @classmethod
    def made(cls, path: Path) -> Folder:
        """The folder that `sidecar up` made, and no other: it says whose Gladly is meant.

        Raises:
            ConfigError: there is none at this place. Nothing is made.
        """
        if not (path.expanduser() / _GLADLY).is_file():
            what = "no folder of `sidecar up`"
            raise ConfigError(
                [Problem(str(path), what, "run `sidecar up` with this --folder first")]
            )
        return cls(path)

    def keep_token(self, token: str) -> Path:
        """Keep a Gladly API token that was typed in."""
        _written(self.gladly_token, token)
        return self.gladly_token

    def has_token_for(self, url: str, email: str) -> bool:
        """Whether a token was typed in for this very Gladly and user; it is sent to no other."""
        kept = self.gladly()
        return (
            kept is not None
            and (kept.url, kept.email, kept.token_file) == (url, email, self.gladly_token)
            and self.gladly_token.exists()
        )

    def keep_gladly(self, gladly: Gladly | None) -> None:
        """Remember whose Gladly it is, for `sidecar stdio`; None is a simulated one."""
        said = asdict(gladly) if gladly else {"simulated": "yes"}
        kept = {key: str(value) for key, value in said.items() if value is not None}
        _written(self._gladly, yaml.safe_dump(kept))

    def gladly(self) -> Gladly | None:
        """Whose Gladly it is; None for a simulated one, and before anything was kept."""
        if not self._gladly.exists():
            return None
        kept = yaml.safe_load(self._gladly.read_text("utf-8"))
        if "simulated" in kept:
            return None
        ca_file = Path(kept["ca_file"]) if "ca_file" in kept else None
        return Gladly(kept["url"], kept["email"], Path(kept["token_file"]), ca_file)

    def take(self, path: Path) -> bool:
        """Take a folder for this process until it ends; whether it was free."""
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / ".taken", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        return True

    def write_settings(
        self, backend_url: str, port: int, admin_port: int, audit: Path | None = None
    ) -> Path:
        """Write the settings of a sidecar with the one safe endpoint; give their file.

        With an audit folder of its own the file stands there, since another sidecar may run.

        Only tools that read, personal data masked, everything recorded; reachable from this
        machine alone, and opened by the URL alone, so that any client can use it.
        """
        token = self._endpoint_token.read_text("utf-8").strip()
        kept = audit or self.audit
        key = identity.endpoint_key(self._endpoint_key)
        settings: dict[str, Any] = {
            "listen": {"host": "127.0.0.1", "port": port},
            "admin": {"host": "127.0.0.1", "port": admin_port},
            "backend": {"url": f"{backend_url}/mcp", "bearer_token_file": str(self.backend_token)},
            "endpoint_key_file": str(self._endpoint_key),
            "endpoints": [
                {
                    "name": _ENDPOINT,
                    "token_hash": identity.endpoint_hash(token, key),
                    "methods": ["read"],
                    "require_api_token_auth": False,
                }
            ],
            "audit": {"folder": str(kept)},
            "log": {
                "level": "warning",
                "format": "console",
                "anchors_file": str(anchors(kept)),
            },
        }
        file = (audit or self.path) / "sidecar.yaml"
        _written(file, yaml.safe_dump(settings, sort_keys=False))
        return file

    def _occupy(self) -> None:
        if not self.take(self.path):
            what = "`sidecar up` is already running with this folder"
            raise ConfigError([Problem(str(self.path), what, "stop it, or name another --folder")])

    def _secret(self, name: str) -> Path:
        path = self.path / name
        if not path.exists():
            _written(path, secrets.token_urlsafe(32))
        return path


def anchors(audit: Path) -> Path:
    """The file that what anchors an audit log is added to; a copy of it elsewhere is proof."""
    return audit.with_name(f"{audit.name}.anchors")


def _written(path: Path, text: str) -> None:
    """Write a file that only this person can read, whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text.rstrip("\n") + "\n")
        beside.replace(path)
    except OSError as error:
        raise ConfigError([Problem(str(path), f"cannot be written: {error.strerror}")]) from None
