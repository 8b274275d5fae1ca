"""A certificate and its key in PEM files: what is wrong with them, and TLS that follows both."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from sidecar.errors import ConfigError, Problem
from sidecar.settings.files import Rotating, secret
from sidecar.settings.kinds import Fault

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_log = structlog.get_logger("sidecar.certificates")

_PEM = "PEM begins with -----BEGIN"


def pair_faults(certificate: Path, key: Path) -> tuple[Fault, ...]:
    """Everything wrong with a pair, below `certificate_file` and `key_file`, never its content."""
    made = _made(certificate, key)
    return made if isinstance(made, tuple) else ()


def server_tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """Make TLS (1.2 or later) for a listener that follows its files.

    Each new connection gets the pair that the files hold by then, or the last good one; those that
    are open keep theirs. A certificate that is not valid by now is served, and logged.

    Raises:
        ConfigError: the files hold no pair that can be used.
    """
    current = Rotating(_context, certificate, key)

    def follow(connection: ssl.SSLObject, _name: str | None, _first: ssl.SSLContext) -> None:
        connection.context = current.value

    first = current.value
    # Called in every handshake, whether the client names a server or not.
    first.sni_callback = follow
    return first


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    made = _made(certificate, key)
    if isinstance(made, tuple):
        files = {"certificate_file": certificate, "key_file": key}
        raise ConfigError([Problem(str(files[f.key]), f.what, f.remedy) for f in made])
    _warn(certificate)
    return made


def _made(certificate: Path, key: Path) -> ssl.SSLContext | tuple[Fault, ...]:
    if found := tuple(_unfit(certificate, key)):
        return found
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a password given, an encrypted key would be asked for on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except OSError:
        return (Fault("certificate_file", "cannot be used for TLS", "use a newer kind of key"),)
    return context


def _unfit(certificate: Path, key: Path) -> Iterator[Fault]:
    shown = held = None
    try:
        shown = _read(certificate).public_key()
    except OSError as error:
        yield Fault("certificate_file", f"cannot be read: {error.strerror}")
    except ValueError:
        yield Fault("certificate_file", "holds no certificate in PEM form", _PEM)
    try:
        held = _key(key).public_key()
    except ConfigError as error:
        yield from (Fault("key_file", p.what, p.remedy) for p in error.problems)
    except TypeError:
        yield Fault("key_file", "is locked with a passphrase", "keep the key without one")
    except ValueError:
        yield Fault("key_file", "holds no private key in PEM form", _PEM)
    if shown is not None and held is not None and shown != held:
        yield Fault("key_file", "is not the key of the certificate", "name one pair")


def _read(certificate: Path) -> Certificate:
    """The first certificate of a file; ValueError where there is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509 import InvalidVersion, load_pem_x509_certificates

    try:
        found = load_pem_x509_certificates(certificate.read_bytes())[0]
        found.public_key()
    except (UnsupportedAlgorithm, InvalidVersion):
        raise ValueError("unsupported") from None
    return found


def _key(file: Path) -> Any:
    """A private key; ValueError where there is none, TypeError where it is locked.

    A file that is no place for a secret is a ConfigError, at start and when it rotates.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(secret(file).encode(), None)
    except UnsupportedAlgorithm:
        raise ValueError("unsupported") from None


def _warn(certificate: Path) -> None:
    try:
        read = _read(certificate)
    except (OSError, ValueError):
        return  # Replaced since it was checked: the next look tells.
    begins, ends = read.not_valid_before_utc, read.not_valid_after_utc
    if not begins <= datetime.now(UTC) <= ends:
        _log.warning(
            "a certificate is not valid by now: clients will refuse it",
            file=str(certificate),
            begins=begins.isoformat(),
            ends=ends.isoformat(),
        )
