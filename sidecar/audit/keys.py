"""The keys of checkpoints as files: the one that signs, and those whose signatures count."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from sidecar.audit.chain import Tip
from sidecar.audit.notes import Keyring, make
from sidecar.errors import ConfigError, Problem

KEY_FILE = "audit.key"
"""The signing key that is made beside the log where no setting names another."""

PUBLIC_FILE = "audit.pub"
"""The public halves of every key that has signed this log; new ones are added at the end."""

_LONGEST = 65_536
_PUBLIC = re.compile(rb"-----BEGIN PUBLIC KEY-----[^-]{1,4096}-----END PUBLIC KEY-----")
_MAKE = "openssl genpkey -algorithm ed25519 -out FILE"


class Signer:
    """Signs the checkpoints of one instance's log; a function of the tip and the aware time.

    With no `key_file`, a key is made in the folder at the first start, mode 0600: whoever can write
    the log can then sign it too, which `verify` says. The public half is kept in `audit.pub` either
    way. Raises ConfigError if the key or the folder cannot be used.
    """

    def __init__(self, folder: Path, instance: str, key_file: Path | None = None) -> None:
        self._instance = instance
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if key_file is None:
                _make(folder / KEY_FILE)
            self._key = private_key(key_file or folder / KEY_FILE)
            _publish(folder / PUBLIC_FILE, self._key.public_key())
        except OSError as error:
            what = f"cannot hold the key of checkpoints: {error.strerror}"
            remedy = "make the folder writable, or set audit.signing_key_file"
            raise ConfigError([Problem(str(folder), what, remedy)]) from error

    def __call__(self, tip: Tip, at: datetime) -> str:
        """Make the signed note of the log up to `tip`."""
        return make(self._instance, tip, at, self._key)

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The half that verifies."""
        return self._key.public_key()


def private_key(path: Path) -> Ed25519PrivateKey:
    """Read a signing key. Raises ConfigError, without a word of the content, if it is none."""
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise _unusable(path, "is no Ed25519 private key in PEM", _MAKE)
    return key


def keyring(paths: Iterable[Path]) -> Keyring:
    """Read public keys, any number in a file. Raises ConfigError for a file without one."""
    return Keyring(key for path in paths for key in public_keys(path))


def public_keys(path: Path) -> list[Ed25519PublicKey]:
    """Read every public key of a PEM file. Raises ConfigError if one is no Ed25519, or none is."""
    found: list[Ed25519PublicKey] = []
    for block in _PUBLIC.findall(_read(path)):
        try:
            key = load_pem_public_key(block)
        except ValueError:
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise _unusable(path, "holds a key that is no Ed25519 public key")
        found.append(key)
    if not found:
        what = "holds no Ed25519 public key in PEM"
        raise _unusable(path, what, f"name the {PUBLIC_FILE} that stands beside a log, or a copy")
    return found


def _make(path: Path) -> None:
    """Make a key unless there is one: whole or not at all, and of two starts the first wins."""
    if path.exists():
        return
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    _write(new, pem, os.O_CREAT | os.O_EXCL)
    try:
        os.link(new, path)
    except FileExistsError:
        pass  # another start was quicker; its key is as good
    finally:
        new.unlink()


def _publish(path: Path, key: Ed25519PublicKey) -> None:
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if not path.exists() or pem not in path.read_bytes():
        _write(path, pem, os.O_CREAT | os.O_APPEND)


def _write(path: Path, content: bytes, flags: int) -> None:
    fd = os.open(path, flags | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST)
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}") from None


def _unusable(path: Path, what: str, remedy: str = "") -> ConfigError:
    return ConfigError([Problem(str(path), what, remedy)])
