"""Values that must be found, by kind. Several kinds are one entity: a JWT is a TOKEN."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Mapping
from random import Random

ENTITY = {
    **{kind: kind for kind in ("EMAIL", "PHONE", "CARD", "SSN", "IBAN", "IP", "PIN")},
    **dict.fromkeys(("JWT", "TOKEN", "BASIC", "PASSWORD"), "TOKEN"),
}
"""The entity as which each kind is to be found."""

_SYLLABLES = "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo za".split()  # noqa: SIM905
_URLSAFE = string.ascii_letters + string.digits + "-_"
_ALPHANUMERIC = string.ascii_letters + string.digits


def word(rng: Random, least: int = 2, most: int = 3) -> str:
    """A name that nobody has."""
    return "".join(rng.choices(_SYLLABLES, k=rng.randint(least, most)))


def digits(rng: Random, count: int, first: str = string.digits) -> str:
    """Decimal digits; the first is one of `first`."""
    return rng.choice(first) + "".join(rng.choices(string.digits, k=count - 1))


def email(rng: Random) -> str:
    """An address in one of the forms that people have."""
    one, two = word(rng), word(rng)
    local = rng.choice(
        (f"{one}.{two}", f"{one}{rng.randint(1, 99)}", f"{one}_{two}", f"{one}+{two}", one.upper(),
         f"{one[0]}.{two}", f"o'{one}", f"{one}-{two}")
    )  # fmt: skip
    host = rng.choice(
        ("example.com", "example.org", f"{two}.example", f"mail.{two}.example.net", "EXAMPLE.com",
         f"{one}-{two}.test.example.co.uk", "xn--bcher-kva.example", "bücher.example")
    )  # fmt: skip
    return f"{local}@{host}"


def _american(rng: Random) -> tuple[str, str, str]:
    area = rng.choice(("212", "305", "312", "415", "503", "602", "617", "702", "713", "808", "916"))
    return area, digits(rng, 3, "23456789").replace("11", "12"), digits(rng, 4)


_MOBILE: Mapping[str, tuple[str, int]] = {
    "49": ("151", 8), "33": ("61", 7), "34": ("61", 7), "39": ("347", 7), "44": ("7400", 6),
    "31": ("61", 7), "48": ("601", 6), "55": ("119", 8), "91": ("98", 8), "81": ("90", 8),
    "61": ("412", 6), "52": ("55", 8),
}  # fmt: skip
"""Beginnings of numbers that their countries give out, with the digits that follow."""


def phone(rng: Random) -> str:
    """A number with a plus, or North American with separators."""
    if rng.random() < 0.5:
        area, middle, last = _american(rng)
        return rng.choice(
            (f"({area}) {middle}-{last}", f"{area}-{middle}-{last}", f"{area}.{middle}.{last}",
             f"+1 {area} {middle} {last}", f"+1{area}{middle}{last}", f"1-{area}-{middle}-{last}")
        )  # fmt: skip
    country = rng.choice(sorted(_MOBILE))
    first, count = _MOBILE[country]
    rest = digits(rng, count, "23456789")
    spaced = " ".join((rest[:3], rest[3:6], rest[6:])).strip()
    return rng.choice(
        (f"+{country}{first}{rest}", f"+{country} {first} {spaced}", f"+{country}-{first}-{rest}",
         f"00{country} {first} {spaced}")
    )  # fmt: skip


def national_phone(rng: Random) -> str:
    """A number as its country writes it at home: known only by a word beside it."""
    country = rng.choice(("49", "33", "34", "39", "44"))
    first, count = _MOBILE[country]
    rest = digits(rng, count, "23456789")
    trunk = "" if country in ("34", "39") else "0"
    return rng.choice((f"{trunk}{first}{rest}", f"{trunk}{first} {rest[:4]} {rest[4:]}"))


def luhn_digit(number: str) -> str:
    """The check digit that makes a card's number of its other digits."""
    total = 0
    for place, digit in enumerate(map(int, reversed(number))):
        doubled = digit * 2 if place % 2 == 0 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


_BRANDS = (
    ("4", 16), ("4", 19), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15),
    ("37", 15), ("6011", 16), ("65", 16), ("36", 14), ("3528", 16), ("62", 16), ("62", 19),
    ("6304", 18), ("5018", 16),
)  # fmt: skip


def card(rng: Random) -> str:
    """A card of any brand, bare or in groups."""
    prefix, length = rng.choice(_BRANDS)
    number = prefix + digits(rng, length - len(prefix) - 1)
    number += luhn_digit(number)
    sizes = (4, 6, 5) if length == 15 else (4,) * 5
    groups, rest = [], number
    for size in sizes:
        groups.append(rest[:size])
        rest = rest[size:]
    return rng.choice(("", " ", "-", " ")).join(filter(None, groups))


def ssn(rng: Random) -> str:
    """A number with separators."""
    area = rng.choice((*range(1, 666), *range(667, 900)))
    separator = rng.choice("-- ")
    return f"{area:03}{separator}{rng.randint(1, 99):02}{separator}{rng.randint(1, 9999):04}"


_BBAN = {
    "DE": "n" * 18, "GB": "aaaa" + "n" * 14, "FR": "n" * 10 + "c" * 11 + "nn", "ES": "n" * 20,
    "IT": "a" + "n" * 10 + "c" * 12, "NL": "aaaa" + "n" * 10, "BE": "n" * 12, "NO": "n" * 11,
    "CH": "n" * 5 + "c" * 12, "AT": "n" * 16, "PL": "n" * 24, "MT": "aaaa" + "n" * 5 + "c" * 18,
    "SE": "n" * 20, "AD": "n" * 8 + "c" * 12,
}  # fmt: skip


def iban(rng: Random) -> str:
    """A number of one of fourteen countries, compact or in groups of four."""
    country = rng.choice(sorted(_BBAN))
    kinds = {
        "n": string.digits,
        "a": string.ascii_uppercase,
        "c": string.digits + string.ascii_uppercase,
    }
    rest = "".join(rng.choice(kinds[kind]) for kind in _BBAN[country])
    value = int("".join(str(int(c, 36)) for c in rest + country + "00"))
    number = f"{country}{98 - value % 97:02}{rest}"
    if rng.random() < 0.5:
        return number
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))


def ip(rng: Random) -> str:
    """An address of either version."""
    if rng.random() < 0.6:
        return ".".join(str(rng.randint(1, 254)) for _ in range(4)).replace("127.", "128.", 1)
    groups = [
        f"{rng.randint(0x2000, 0x3FFF):x}",
        *(f"{rng.randint(1, 0xFFFF):x}" for _ in range(7)),
    ]
    if rng.random() < 0.4:
        return f"{groups[0]}:{groups[1]}::{groups[2]}"
    return ":".join(groups)


def pin(rng: Random) -> str:
    """A short secret; only a word beside it tells."""
    return digits(rng, rng.choice((3, 4, 4, 6)))


def _b64url(data: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def jwt(rng: Random) -> str:
    """A signed token; its signature is noise."""
    claims = {"sub": word(rng), "iat": rng.randint(1_600_000_000, 1_800_000_000)}
    return f"{_b64url({'alg': 'HS256'})}.{_b64url(claims)}.{''.join(rng.choices(_URLSAFE, k=43))}"


def token(rng: Random) -> str:
    """An opaque credential."""
    return digits(rng, 2) + "".join(rng.choices(_ALPHANUMERIC, k=rng.randint(20, 40)))


def basic(rng: Random) -> str:
    """The user and password of HTTP's basic scheme."""
    pair = f"{word(rng)}@example.com:{''.join(rng.choices(_ALPHANUMERIC, k=16))}"
    return base64.b64encode(pair.encode()).decode()


def password(rng: Random) -> str:
    """What somebody chose."""
    return word(rng).title() + digits(rng, 2) + rng.choice("!$+")


MAKERS: Mapping[str, Callable[[Random], str]] = {
    "EMAIL": email, "PHONE": phone, "NATIONAL": national_phone, "CARD": card, "SSN": ssn,
    "IBAN": iban, "IP": ip, "PIN": pin, "JWT": jwt, "TOKEN": token, "BASIC": basic,
    "PASSWORD": password,
}  # fmt: skip
"""By the name of the slot; NATIONAL is a PHONE."""
