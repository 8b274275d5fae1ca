"""Tokens in the place of values: the same for the same value, and without the key no way back.

`[EMAIL:k1:cstn4h5sypryqdhs]` is the entity, the key's id and base32 of the first 80 bits of
HMAC-SHA-256 over the value in its canonical form, under a key that HKDF derives of the master key
for this entity and id: tokens of two entities or two keys say nothing of each other. Whoever holds
a master key can try all telephone numbers, so that a token stays personal data.

A secret (PIN, TOKEN) has too few values or must not be stored at all: of it there is no token.
"""

from __future__ import annotations

import base64
import hmac
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

import phonenumbers
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sidecar.model import ENTITIES

_BITS_KEPT: Final = 80
_REGIONS: Final = ("US", "GB", "DE", "FR", "ES", "IT", "AU", "IN", "BR", "MX", "JP")
"""Countries in whose national formats numbers are found. The order decides which token a number has
that two of them know: to change it unlinks what was written before."""


@dataclass(frozen=True, slots=True)
class Key:
    """A master key: one for the whole fleet. `id` (lower case, digits) stands in its tokens."""

    id: str
    master: bytes

    def __repr__(self) -> str:
        """Without the key."""
        return f"Key({self.id})"


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """The keys in use: the first makes tokens, the others are retained to find old ones."""

    keys: tuple[Key, ...] = ()

    def token(self, entity: str, raw: str) -> str | None:
        """The token of a value under the current key; None without a key, or of a secret."""
        return _token(self.keys[0], entity, raw) if self.keys else None

    def tokens(self, entity: str, raw: str) -> tuple[str, ...]:
        """The token under each retained key, the current one first; none of a secret."""
        found = (_token(key, entity, raw) for key in self.keys)
        return tuple(token for token in found if token is not None)


@lru_cache(maxsize=8192)
def _token(key: Key, entity: str, raw: str) -> str | None:
    """The cache is memory of this process alone: a result names the same person many times."""
    canonical = _CANONICAL.get(entity)
    if canonical is None:
        return None
    digest = hmac.digest(_derived(key, entity), canonical(raw).encode(), sha256)
    kept = base64.b32encode(digest[: _BITS_KEPT // 8]).decode().lower()
    return f"[{entity}:{key.id}:{kept}]"


@lru_cache(maxsize=256)
def _derived(key: Key, entity: str) -> bytes:
    info = f"pii/{entity}/{key.id}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key.master)


def _visible(raw: str) -> str:
    """Compatibility forms as one, without what nobody sees; one space for any white space."""
    normal = unicodedata.normalize("NFKC", raw.encode("utf-8", "replace").decode())
    return " ".join("".join(c for c in normal if unicodedata.category(c) != "Cf").split())


def _text(raw: str) -> str:
    return unicodedata.normalize("NFKC", _visible(raw).casefold())


def _email(raw: str) -> str:
    return _text(raw).replace("%40", "@").replace(" ", "")


def _digits(raw: str) -> str:
    return "".join(str(unicodedata.decimal(c)) for c in raw if c.isdecimal())


def _letters(raw: str) -> str:
    return "".join(filter(str.isalnum, _text(raw))).upper()


def _phone(raw: str) -> str:
    """E.164 by the first country in whose plan the number is; its digits where it is in none.

    No record says which country a national number belongs to, and so `_REGIONS` does.
    """
    number = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in _visible(raw))
    if number.startswith("00"):
        number = "+" + number[2:].lstrip()
    for region in _REGIONS:
        try:
            parsed = phonenumbers.parse(number, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            parsed.extension = None
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return _digits(number)


_CANONICAL: Final[Mapping[str, Callable[[str], str]]] = {
    "EMAIL": _email,
    "PHONE": _phone,
    "CARD": _digits,
    "SSN": _digits,
    "IBAN": _letters,
    "IP": _text,
    "DOB": _text,
    "NAME": _text,
    "ADDRESS": _text,
    "EXTERNAL_ID": _text,
    "CUSTOM": _text,
}
"""What makes two spellings of a value one. An entity that is not here has no tokens."""

PSEUDONYMOUS: Final = frozenset(_CANONICAL) & ENTITIES
"""Entities whose values have tokens."""
NONE: Final = Pseudonyms()
"""No keys: nothing has a token."""
