"""E-mail addresses and telephone numbers of profiles: normal forms, uniqueness, look-up by one."""

from __future__ import annotations

import re
from typing import Any

import phonenumbers
from starlette.responses import Response

from sidecar.gladly.simulator.answers import blank, invalid, listed
from sidecar.gladly.simulator.call import Call
from sidecar.gladly.simulator.world import World
from sidecar.model import JsonObject

REGION = "US"
"""Gladly reads a number without a country as one of the United States."""

_TYPES = {"HOME", "MOBILE", "OFFICE"}
_PREFERENCES = {"ON", "OFF", "FORBIDDEN"}
_ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


def email(value: object) -> str | None:
    """An e-mail address in lower case; None if it is none."""
    return value.lower() if isinstance(value, str) and _ADDRESS.fullmatch(value) else None


def number(value: object, region: object = REGION) -> str | None:
    """A telephone number in E.164; None if it can be none."""
    if not isinstance(value, str):
        return None
    try:
        read = phonenumbers.parse(value, region if isinstance(region, str) else REGION)
    except phonenumbers.NumberParseException:
        return None
    is_one = phonenumbers.is_possible_number(read)
    return phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164) if is_one else None


def refusal(changes: JsonObject) -> Response | None:
    """What is wrong with the contacts in a profile that a caller wrote, or None.

    Gladly documents that `original` is required and at most one address or number is primary,
    not the words of the refusal.
    """
    for name in ("emails", "phones"):
        rows = changes.get(name) or []
        if not isinstance(rows, list) or not all(_is_contact(row) for row in rows):
            return blank()
        if sum(row.get("primary") is True for row in rows) > 1:
            return invalid(name, f"at most one of {name} can be primary")
    if any(email(row["original"]) is None for row in changes.get("emails") or []):
        return invalid("emails", "email is invalid")
    if not all(_is_phone(row) for row in changes.get("phones") or []):
        return invalid("phones", "phone number is invalid")
    return None


def normal(customer: JsonObject) -> JsonObject:
    """Fill in the `normalized` that Gladly derives: lower-case e-mail, number in E.164."""
    emails = [e | {"normalized": email(e["original"])} for e in customer.get("emails") or []]
    phones = [p | {"normalized": _normalized(p)} for p in customer.get("phones") or []]
    return customer | {"emails": emails, "phones": phones}


def conflict(world: World, customer: JsonObject) -> Response | None:
    """409 `taken` when another profile has one of the e-mails or mobile phones."""
    mine = _unique(customer)
    for other in world.tables["customers"].values():
        if other["id"] != customer["id"] and (shared := mine & _unique(other)):
            name = "emails" if any("@" in contact for contact in shared) else "phones"
            return listed(409, name, "taken", "contact is in use", id=other["id"])
    return None


def found_or_made(call: Call, contact: object) -> Response | str:
    """The id of the customer with exactly one of `emailAddress` and `mobilePhone`.

    A profile is made where there is none, which Gladly does without telling. The answer that
    refuses stands for a contact that is not exactly one of the two.
    """
    given = contact if isinstance(contact, dict) else {}
    keys = [key for key in ("emailAddress", "mobilePhone") if given.get(key) is not None]
    if len(keys) != 1:
        return listed(400, "", "blank", "one of emailAddress, mobilePhone must be present")
    value = email(given[keys[0]]) if keys == ["emailAddress"] else number(given[keys[0]])
    if value is None:
        return invalid(f"customer.{keys[0]}", f"{keys[0]} is invalid")
    return owner(call, value, given[keys[0]])


def owner(call: Call, value: str, original: str) -> str:
    """The id of the customer with this normal address or mobile number, made if there is none."""
    for customer in call.world.tables["customers"].values():
        if value in _unique(customer):
            return str(customer["id"])
    is_address = "@" in value
    entry = {"original": original, "normalized": value, "primary": True}
    made = {
        "id": call.world.new_id(),
        "emails": [entry] if is_address else [],
        "phones": [] if is_address else [entry | {"type": "MOBILE"}],
        "createdAt": call.timestamp,
        "updatedAt": call.timestamp,
    }
    call.world.put("customers", made)
    return str(made["id"])


def _is_contact(row: object) -> bool:
    return isinstance(row, dict) and isinstance(row.get("original"), str)


def _is_phone(row: JsonObject) -> bool:
    is_known = _is_one(row.get("type"), _TYPES) and _is_one(row.get("smsPreference"), _PREFERENCES)
    return is_known and _normalized(row) is not None


def _is_one(value: object, choices: set[str]) -> bool:
    return value is None or (isinstance(value, str) and value in choices)


def _normalized(phone: JsonObject) -> str | None:
    return number(phone["original"], phone.get("regionCode") or REGION)


def _unique(customer: JsonObject) -> set[Any]:
    phones = [p for p in customer.get("phones") or [] if p.get("type") == "MOBILE"]
    return {contact["normalized"] for contact in [*(customer.get("emails") or []), *phones]}
