"""Values that are planted, every way of writing one, and the search for them in bytes."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote


def luhn(digits: str) -> str:
    """The digits and their check digit."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 - place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return f"{digits}{-total % 10}"


class Canaries:
    """Values that occur nowhere else: one set for each planting, and all that must not show."""

    def __init__(self, number: int, turn: int = 0) -> None:
        mark = f"{number:02}{turn:02}"
        word = "".join(chr(ord("a") + int(digit)) for digit in mark)
        self.name = f"Zelda Quick{word}"
        self.email = f"zelda.quick.{word}@leak.example"
        self.phone = f"+1 212 7{mark[:2]} {mark[2:]}64"
        self.card = luhn(f"4532{mark}7716352")
        self.address = f"{mark} Quick{word} Street, Oakland"
        self.token = f"sk_live_{word}{mark}Qx7Zt9Rm4Kw2"
        claims = base64.urlsafe_b64encode(f'{{"sub":"quick-{word}"}}'.encode()).decode().rstrip("=")
        self.jwt = f"eyJhbGciOiJIUzI1NiJ9.{claims}.c2lnbmF0dXJl{mark}"
        self.values = [
            self.name.split()[1],
            self.email,
            self.phone,
            self.card,
            self.token,
            self.jwt,
        ]

    def also(self, value: str) -> str:
        """Give a value back that must not show either."""
        self.values.append(value)
        return value

    @property
    def record(self) -> dict[str, Any]:
        """A customer as Gladly answers with one, all of it personal but the id."""
        return {
            "id": "fpDL5a8GbDpnX0jfzVkd9A",
            "name": self.name,
            "address": self.address,
            "emails": [{"original": self.email, "normalized": self.email}],
            "phones": [{"original": self.phone, "type": "MOBILE"}],
        }

    @property
    def prose(self) -> str:
        """A text in which content alone shows what is personal."""
        return f"Write to {self.email}, call {self.phone}, pay {self.card}, with {self.token} now"


def forms(value: str) -> Iterator[tuple[str, bytes, bool]]:
    """How a value may be written: the form's name, its bytes, and whether case counts."""
    raw = value.encode("utf-8", "surrogatepass")
    yield "raw", raw, False
    yield "percent", quote(value, safe="", errors="surrogatepass").encode(), False
    yield "all percent", b"".join(b"%%%02x" % byte for byte in raw), False
    yield "hex", raw.hex().encode(), False
    yield "JSON", json.dumps(value)[1:-1].encode(), False
    yield "all escapes", "".join(f"\\u{ord(char):04x}" for char in value).encode(), False
    yield "entities", "".join(f"&#{ord(char)};" for char in value).encode(), False
    for shift in range(3):
        core = base64.b64encode(b" " * shift + raw)[4:-4]
        if len(core) >= 8:
            yield f"base64 {shift}", core, True
            yield f"base64url {shift}", core.translate(bytes.maketrans(b"+/", b"-_")), True
    digits = re.sub(r"[\s.\-()/+]", "", value)
    if len(digits) >= 8 and digits.isdigit():
        yield "digits", digits.encode(), False


class Data:
    """Bytes to be searched."""

    def __init__(self, data: bytes) -> None:
        self._exact = data
        self._lower = data.lower()
        self._compact = re.sub(rb"[\s.\-()/+]", b"", self._lower)

    def form_of(self, value: str) -> str:
        """The first form in which a value stands in here, or nothing."""
        for name, form, is_exact in forms(value):
            lower = self._compact if name == "digits" else self._lower
            if (form in self._exact) if is_exact else (form.lower() in lower):
                return name
        return ""
