"""Sentences that Presidio's authors publish for measuring detectors, filled with values of ours.

They come out of the wheel of `presidio-evaluator` (MIT), which is unpacked and not installed. No
pattern of the sidecar is taken from there. A slot that is nobody's business here is filled with
words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import phonenumbers

from labelled.texts import Label, Text
from labelled.values import card, digits, email, iban, ip, ssn, word

_SLOT = re.compile(r"\{\{([a-z_]+)\}\}")
_KINDS = {
    "credit_card_number": "CARD",
    "phone_number": "PHONE",
    "email": "EMAIL",
    "iban": "IBAN",
    "ssn": "SSN",
    "ip_address": "IP",
}
_REGIONS = ("US", "US", "GB", "DE", "FR", "ES", "IT", "AU", "NL", "CH", "SE", "NZ", "BR", "IN")


def _phone(rng: Random) -> str:
    """As people of many countries write theirs, two thirds of them at home: without a plus."""
    example = phonenumbers.example_number_for_type(
        rng.choice(_REGIONS),
        rng.choice((phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)),
    )
    if example is None:
        raise ValueError("a region without an example number")
    number = example
    national = str(example.national_number)
    for _ in range(20):
        number = phonenumbers.PhoneNumber(
            country_code=example.country_code,
            national_number=int(national[:-5] + digits(rng, 5)),
            italian_leading_zero=example.italian_leading_zero,
        )
        if phonenumbers.is_valid_number(number):
            break
    formats = phonenumbers.PhoneNumberFormat
    kind = rng.choice((formats.INTERNATIONAL, formats.NATIONAL, formats.NATIONAL))
    return str(phonenumbers.format_number(number, kind))


_MAKERS = {"CARD": card, "PHONE": _phone, "EMAIL": email, "IBAN": iban, "SSN": ssn, "IP": ip}


def _other(slot: str, rng: Random) -> str:
    """What stands in every other slot: a number where one is asked for, else a name."""
    if slot in ("building_number", "age", "zipcode", "postcode", "year"):
        return digits(rng, 5 if slot in ("zipcode", "postcode") else 2, "123456789")
    return word(rng).title()


def texts(templates: Path, rng: Random, each: int) -> Iterator[Text]:
    """Every sentence `each` times."""
    for line in templates.read_text("utf-8", "replace").splitlines() * each:
        yield _filled(line, rng)


def _filled(line: str, rng: Random) -> Text:
    wanted: list[Label] = []
    text = ""
    position = 0
    for m in _SLOT.finditer(line):
        text += line[position : m.start()]
        kind = _KINDS.get(m[1])
        value = _MAKERS[kind](rng) if kind else _other(m[1], rng)
        if kind:
            wanted.append(Label(kind, len(text), len(text) + len(value)))
        text += value
        position = m.end()
    return Text(text + line[position:], tuple(wanted), ())
