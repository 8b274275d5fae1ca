"""A customer with personal data, masks, and what masking makes of a value: for tests."""

from __future__ import annotations

from typing import Any

from sidecar.model import Action, Mask, PersonalData, Tool
from sidecar.redaction import redact

UNKNOWN = Tool("anything")
CUSTOMER = Tool(
    "get_customer",
    is_known=True,
    pii=(
        PersonalData("/name", "NAME"),
        PersonalData("/address", "ADDRESS"),
        PersonalData("/emails/*/original", "EMAIL"),
        PersonalData("/phones/*/original", "PHONE"),
        PersonalData("/customAttributes/**", "CUSTOM"),
        PersonalData("/externalCustomerId", "EXTERNAL_ID"),
    ),
    safe=("/id", "/orderId"),
)
JANE = {
    "id": "Qm9-XyZ_01aBcDeFgHiJkL",
    "name": "Jane Doe",
    "address": "12 Long Street, Springfield",
    "emails": [{"original": "jane@example.com", "primary": True}],
    "phones": [{"original": "+14155552671"}],
    "customAttributes": {"vip": True, "nested": {"shoe": 42, "note": "likes blue"}},
}


def by_entity(entity: str, action: Action) -> Mask:
    return Mask(tool="get_customer", action=action, code="x.y", entity=entity)


def by_pointer(pointer: str, action: Action) -> Mask:
    return Mask(tool="get_customer", action=action, code="x.y", pointer=pointer)


def structured(payload: Any, *masks: Mask, tool: Tool = CUSTOMER) -> Any:
    return redact({"structuredContent": payload}, tool, masks).value["structuredContent"]


def text(payload: str, *masks: Mask, tool: Tool = UNKNOWN) -> str:
    value = redact({"content": [{"type": "text", "text": payload}]}, tool, masks).value
    return str(value["content"][0]["text"])
