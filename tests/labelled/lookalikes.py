"""Values that must survive: ids, numbers of orders and parcels, times, prices, versions."""

from __future__ import annotations

import hashlib
import string
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from random import Random

from labelled.values import digits, luhn_digit, word

_URLSAFE = string.ascii_letters + string.digits + "-_"


def _hex(rng: Random, length: int) -> str:
    return "".join(rng.choices("0123456789abcdef", k=length))


def _time(rng: Random) -> datetime:
    return datetime.fromtimestamp(rng.randint(1_600_000_000, 1_800_000_000), UTC)


def _iso(rng: Random) -> str:
    at = _time(rng)
    return rng.choice(
        (f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%dT%H:%M:%S}.{digits(rng, 3)}Z",
         f"{at:%Y-%m-%dT%H:%M:%S+02:00}", f"{at:%Y-%m-%d %H:%M:%S}", f"{at:%Y-%m-%d}")
    )  # fmt: skip


def _parcel(rng: Random) -> str:
    return rng.choice(
        (f"1Z{_upper(rng, 6)}{digits(rng, 10)}", f"94{digits(rng, 20)}", digits(rng, 12),
         f"JD{digits(rng, 18)}", f"RR{digits(rng, 9)}DE")
    )  # fmt: skip


def _upper(rng: Random, length: int) -> str:
    return "".join(rng.choices(string.ascii_uppercase + string.digits, k=length))


def _ean(rng: Random) -> str:
    number = "40" + digits(rng, 10)
    total = sum(int(d) * (1 + 2 * (i % 2)) for i, d in enumerate(number))
    return number + str(-total % 10)


def _luhn_bad(rng: Random) -> str:
    number = "4" + digits(rng, 14)
    bad = str((int(luhn_digit(number)) + rng.randint(1, 9)) % 10)
    full = number + bad
    return rng.choice((full, " ".join(full[i : i + 4] for i in range(0, 16, 4))))


def _price(rng: Random) -> str:
    amount = rng.randint(100, 9_999_999) / 100
    return rng.choice((f"${amount:,.2f}", f"EUR {amount:.2f}", f"{amount:.2f} €", f"£{amount:.2f}"))


def _version(rng: Random) -> str:
    parts = ".".join(str(rng.randint(0, 30)) for _ in range(rng.choice((3, 4))))
    return rng.choice((f"v{parts}", f"version {parts}", f"Chrome/{parts}", f"release {parts}"))


def _order(rng: Random) -> str:
    number = digits(rng, rng.choice((8, 9, 10, 10, 11)), "123456789")
    return rng.choice((f"#{number}", f"order {number}", f"order number {number}", f"ORD-{number}"))


LOOKALIKES: Mapping[str, Callable[[Random], str]] = {
    "GLADLY_ID": lambda rng: "".join(rng.choices(_URLSAFE, k=22)),
    "HEX24": lambda rng: _hex(rng, 24),
    "UUID": lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    "TRACE": lambda rng: _hex(rng, 32),
    "SPAN": lambda rng: _hex(rng, 16),
    "DIGEST": lambda rng: hashlib.sha256(rng.randbytes(8)).hexdigest(),
    "ORDER": _order,
    "PARCEL": _parcel,
    "EAN": _ean,
    "EPOCH": lambda rng: str(rng.randint(1_600_000_000, 1_800_000_000)),
    "EPOCH_MS": lambda rng: str(rng.randint(1_600_000_000_000, 1_800_000_000_000)),
    "ISO": _iso,
    "SKU": lambda rng: f"{_upper(rng, 3)}-{digits(rng, 4)}-{rng.choice(('S', 'M', 'XL'))}",
    "PRICE": _price,
    "VERSION": _version,
    "LUHN_BAD": _luhn_bad,
    "SLUG": lambda rng: f"{word(rng)}-{word(rng)}-{rng.randint(1, 999)}",
}
"""By kind."""
