"""Checkpoints as C2SP signed notes: who vouches for how much of a log, in a few lines. Pure.

Theory of operation. A note's text is a C2SP checkpoint: the origin that names the log, how many
records it has, the base64 of the last one's hash, and, as an extension line, when that was. Since
each hash covers the history before it, so does the note. Below an empty line stands the signature:

    gladly-mcp-sidecar/audit/pod-3:8080
    41822
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
    at 2026-11-22T09:01:12.345678Z

    — gladly-mcp-sidecar/audit/pod-3:8080 Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN...

The base64 there is a key id of 4 bytes and an Ed25519 signature over the text, last newline
included. The key id is the begin of SHA-256 over the name, a newline, the byte 1 and the public
key, so that readers of other programs (Go's `note`, witnesses) accept it as it is. See
https://c2sp.org/signed-note and https://c2sp.org/tlog-checkpoint.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from urllib.parse import quote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sidecar.audit.chain import Tip, timestamp

ORIGIN = "gladly-mcp-sidecar/audit/"
"""What every origin of ours begins with; the instance follows."""

MAX_NOTE = 16_384
"""Characters of the longest text that is read as a note."""

_DASH = "\N{EM DASH} "
_ED25519 = b"\x01"
_HEAD_LINES = 3
_ID_BYTES = 4
_SIZE_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note: by whose name, and the bytes of key id and signature."""

    name: str
    key_id: bytes
    signed: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint as it was read. Nothing of it is true until a `Keyring` knows a signature.

    Attributes:
        text: What is signed.
        origin: Which log.
        tip: How many records it has, and the last one's hash.
        at: When the note was made, as it says itself; empty if it does not.
        signatures: At least one.
    """

    text: str
    origin: str
    tip: Tip
    at: str
    signatures: tuple[Signature, ...]


def origin(instance: str) -> str:
    """Name the log that an instance writes: no space and no plus sign, as C2SP wants key names."""
    return ORIGIN + quote(instance, safe="._:-[]@/")


def make(instance: str, tip: Tip, at: datetime, key: Ed25519PrivateKey) -> str:
    """Vouch for the records of a log up to `tip`. Raises ValueError for a time without a zone."""
    name = origin(instance)
    text = f"{name}\n{tip.seq}\n{_base64(bytes.fromhex(tip.hash))}\nat {timestamp(at)}\n"
    signed = _key_id(name, _raw(key.public_key())) + key.sign(text.encode())
    return f"{text}\n{_DASH}{name} {_base64(signed)}\n"


def parse(text: str) -> Note | None:
    """Read a note; None for whatever is none, or not one of a log of ours."""
    body, gap, below = text[:MAX_NOTE].rpartition("\n\n")
    if not (gap and below.endswith("\n")) or not _is_plain(text) or len(text) > MAX_NOTE:
        return None
    head = body.split("\n")
    signatures = [_signature(line) for line in below[:-1].split("\n")]
    known = tuple(one for one in signatures if one)
    if len(head) < _HEAD_LINES or not all(head) or len(known) != len(signatures):
        return None
    size, digest = head[1], _unbase64(head[2])
    if not head[0].startswith(ORIGIN) or not _is_size(size) or len(digest) != sha256().digest_size:
        return None
    at = next((line.removeprefix("at ") for line in head[3:] if line.startswith("at ")), "")
    return Note(f"{body}\n", head[0], Tip(int(size), digest.hex()), at, known)


def fingerprint(key: Ed25519PublicKey) -> str:
    """Tell a key by SHA-256 of its DER form: `openssl pkey -pubin -outform DER | sha256sum`."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(der).hexdigest()


class Keyring:
    """The public keys whose signatures count; several while one takes the other's place."""

    def __init__(self, keys: Iterable[Ed25519PublicKey] = ()) -> None:
        self._keys = {fingerprint(key): (_raw(key), key) for key in keys}

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The keys by their fingerprints."""
        return tuple(self._keys)

    def signer(self, note: Note) -> str:
        """Get the fingerprint of the key that signed a note; empty if it is none of these."""
        for signature in note.signatures:
            for name, (raw, key) in self._keys.items():
                if signature.key_id == _key_id(signature.name, raw) and _is_by(
                    key, signature, note
                ):
                    return name
        return ""


def _is_by(key: Ed25519PublicKey, signature: Signature, note: Note) -> bool:
    try:
        key.verify(signature.signed, note.text.encode())
    except InvalidSignature:
        return False
    return signature.name == note.origin


def _signature(line: str) -> Signature | None:
    name, gap, encoded = line.removeprefix(_DASH).partition(" ")
    raw = _unbase64(encoded)
    if not (line.startswith(_DASH) and name and gap) or len(raw) <= _ID_BYTES:
        return None
    return Signature(name, raw[:_ID_BYTES], raw[_ID_BYTES:])


def _key_id(name: str, raw: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + raw).digest()[:_ID_BYTES]


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _is_size(text: str) -> bool:
    is_number = text.isascii() and text.isdecimal() and len(text) <= _SIZE_DIGITS
    return is_number and (text == "0" or not text.startswith("0"))


def _is_plain(text: str) -> bool:
    """C2SP forbids control characters in a note, line ends apart, and wants it to be Unicode."""
    return not any((c < " " and c != "\n") or "\ud800" <= c <= "\udfff" for c in text)


def _base64(raw: bytes) -> str:
    return b64encode(raw).decode()


def _unbase64(text: str) -> bytes:
    """Read base64 in its one canonical form; empty for anything else."""
    try:
        raw = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if _base64(raw) == text else b""
