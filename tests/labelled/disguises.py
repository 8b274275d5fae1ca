"""Values written otherwise than they read: the ways to get one past a pattern."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from random import Random
from urllib.parse import quote

_FULL = {c: chr(c + 0xFEE0) for c in range(0x21, 0x7F)}
_ALIKE = str.maketrans("aeocpx", "аеосрх")
_ARABIC = {ord(str(d)): chr(0x660 + d) for d in range(10)}
_DEVANAGARI = {ord(str(d)): chr(0x966 + d) for d in range(10)}
_MATH = {ord(str(d)): chr(0x1D7CE + d) for d in range(10)}
_MATH |= {c: chr(0x1D41A + c - 97) for c in range(97, 123)}
_SPOKEN = "zero one two three four five six seven eight nine".split()  # noqa: SIM905
_GERMAN = "null eins zwei drei vier fünf sechs sieben acht neun".split()  # noqa: SIM905
_SIGNS = {" ": ", ", "-": " dash ", "+": "plus ", "(": "", ")": ", ", ".": " dot ", "/": " "}


def _homoglyph(value: str, rng: Random) -> str:
    if "@" in value:
        return value.translate(_ALIKE)
    return value.translate(rng.choice((_ARABIC, _DEVANAGARI)))


def _zero_width(value: str, rng: Random) -> str:
    return rng.choice(("\u200b", "\u00ad", "\u2060")).join(value)


def _all_percent(value: str, rng: Random) -> str:
    return "".join(f"%{byte:02X}" for byte in value.encode())


def _entity(value: str, rng: Random) -> str:
    first = re.search(r"[^A-Za-z]", value)
    at = first.start() if first else 0
    code = rng.choice((f"&#{ord(value[at])};", f"&#x{ord(value[at]):x};"))
    return value[:at] + code + value[at + 1 :]


def _unicode_escape(value: str, rng: Random) -> str:
    first = re.search(r"[^A-Za-z]", value)
    at = first.start() if first else 0
    return f"{value[:at]}\\u{ord(value[at]):04x}{value[at + 1 :]}"


def _base64(value: str, rng: Random) -> str:
    encode = rng.choice((base64.b64encode, base64.urlsafe_b64encode))
    return encode(value.encode()).decode().rstrip(rng.choice(("", "=")))


def _base64_json(value: str, rng: Random) -> str:
    return _base64(json.dumps({"contact": {"v": value}, "n": rng.randint(1, 99)}), rng)


def _odd_separators(value: str, rng: Random) -> str:
    sign = rng.choice("*|~_·•=#")
    if not re.search(r"[ \-.]", value):
        value = " ".join(value[i : i + 4] for i in range(0, len(value), 4))
    return re.sub(r"[ \-.]+", sign, value.replace("(", "").replace(")", ""))


def _spaced(value: str, rng: Random) -> str:
    return " ".join(value)


def _broken(value: str, rng: Random) -> str:
    """A line's end anywhere in a number; in an address behind its local part, where mail wraps."""
    least = value.index("@") if "@" in value else 2
    most = value.rindex(".") if "@" in value else len(value) - 2
    at = rng.randint(least, max(least, most))
    return value[:at] + "\n" + value[at:]


def _spoken(value: str, rng: Random) -> str:
    if "@" in value:
        at, dot = rng.choice(((" (at) ", " (dot) "), ("[at]", "[dot]"), (" at ", " dot ")))
        local, host = value.split("@")
        return local + at + host.replace(".", dot)
    words = rng.choice((_SPOKEN, _GERMAN))
    return "".join(
        _SIGNS.get(c) or (words[int(c)] + " " if c.isdigit() else "") for c in value
    ).strip()


DISGUISES: Mapping[str, tuple[str, Callable[[str, Random], str]]] = {
    "full-width": ("EMAIL PHONE CARD SSN", lambda v, _: v.translate(_FULL)),
    "homoglyph": ("EMAIL PHONE CARD SSN", _homoglyph),
    "math": ("EMAIL PHONE CARD SSN", lambda v, _: v.translate(_MATH)),
    "zero-width": ("EMAIL PHONE CARD SSN IBAN", _zero_width),
    "percent": ("EMAIL PHONE CARD", lambda v, _: quote(v, safe="()")),
    "all percent": ("EMAIL PHONE CARD SSN IBAN", _all_percent),
    "entity": ("EMAIL PHONE CARD", _entity),
    "\\u": ("EMAIL PHONE CARD", _unicode_escape),
    "base64": ("EMAIL PHONE CARD SSN IBAN", _base64),
    "base64 json": ("EMAIL PHONE CARD SSN IBAN", _base64_json),
    "hex": ("EMAIL PHONE CARD SSN IBAN", lambda v, _: v.encode().hex()),
    "separators": ("PHONE CARD SSN IBAN", _odd_separators),
    "spaced": ("EMAIL PHONE CARD", _spaced),
    "broken": ("EMAIL PHONE CARD SSN", _broken),
    "spoken": ("EMAIL PHONE CARD SSN", _spoken),
}
"""By name: for which kinds, and how. The sixteenth is a number split over siblings: `texts`."""
