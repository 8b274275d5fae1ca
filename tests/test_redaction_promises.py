"""What masking promises of every result, under any masks; and the last look at the final bytes."""

from __future__ import annotations

from typing import Any

import jsonschema
import orjson
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redaction_parts import CUSTOMER, UNKNOWN, by_entity, by_pointer

from sidecar.errors import BackendFailed
from sidecar.model import Action, PersonalData, Tool
from sidecar.redaction import Key, Pseudonyms, Redacted, detect, redact
from sidecar.redaction.known import Known

KEYS = Pseudonyms((Key("k1", b"k" * 32),))
TOOL = Tool(
    "t",
    is_known=True,
    pii=(
        PersonalData("/name", "NAME"),
        PersonalData("/address", "ADDRESS"),
        PersonalData("/emails/*", "EMAIL"),
        PersonalData("/phones/*/original", "PHONE"),
        PersonalData("/custom/**", "CUSTOM"),
    ),
    safe=("/id", "/status", "/createdAt"),
)
SCHEMA = {
    "type": "object",
    "required": ["result"],
    "properties": {
        "result": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "name", "emails", "phones", "status", "createdAt", "count"],
                "properties": {
                    "id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$"},
                    "status": {"enum": ["OPEN", "CLOSED", "WAITING"]},
                    "createdAt": {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\dT"},
                    "name": {"type": "string"},
                    "address": {"type": "string"},
                    "note": {"type": "string"},
                    "count": {"type": "integer"},
                    "isVip": {"type": "boolean"},
                    "emails": {"type": "array", "items": {"type": "string"}},
                    "phones": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["original"],
                            "properties": {"original": {"type": "string"}},
                        },
                    },
                    "custom": {"type": "object"},
                },
            },
        }
    },
}
WORDS = ("parcel", "asked", "again", "said", "so", "—", "wait", "ok", "naïve", "今日", "done.")
LETTERS = st.text("abcdefghiklmnop", min_size=5, max_size=8)


def _is_valid(number: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(number, "US"))


NAMES = st.tuples(LETTERS, LETTERS).map(lambda two: f"Zz{two[0]} Qq{two[1]}")
EMAILS = LETTERS.map(lambda word: f"{word}.zz@mail.example.com")
PHONES = st.integers(2_000_000, 9_999_999).map(lambda n: f"+1415{n:07}").filter(_is_valid)
CARDS = st.sampled_from(["4111 1111 1111 1111", "5105105105105100", "378282246310005"])
PROSE = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)


@st.composite
def records(draw: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """A record, and the personal values in it with their entities."""
    name, email, phone, card = draw(st.tuples(NAMES, EMAILS, PHONES, CARDS))
    planted = draw(st.permutations([name, email, phone, card]))
    note = "".join(f"{draw(PROSE)} {value} " for value in planted)
    record = {
        "id": draw(st.text("abcXYZ019_-", min_size=22, max_size=22)),
        "name": name,
        "address": f"{draw(st.integers(100, 999))} Zzstreet, {draw(LETTERS)}",
        "note": draw(st.sampled_from([note, orjson.dumps({"deep": [note]}).decode()])),
        "status": draw(st.sampled_from(["OPEN", "CLOSED", "WAITING"])),
        "createdAt": "2026-05-04T09:31:27.511Z",
        "count": draw(st.integers(0, 999_999)),
        "isVip": draw(st.booleans()),
        "emails": [email, email.upper()],
        "phones": [{"original": phone}],
        "custom": {"shoe": 42, "likes": draw(PROSE), "list": [True, None, "x y"]},
    }
    values = {name: "NAME", email: "EMAIL", email.upper(): "EMAIL", phone: "PHONE", card: "CARD"}
    return record, values | {record["address"]: "ADDRESS"}


ENTITIES = ("NAME", "ADDRESS", "EMAIL", "PHONE", "CARD", "CUSTOM")
ACTIONS: Any = st.sampled_from(["keep", "last4", "pseudonym", "mask", "drop"])
CHOICES = st.dictionaries(st.sampled_from(ENTITIES), ACTIONS)


def looked_at(value: Any, choice: dict[str, Action]) -> Redacted:
    masks = [by_entity(entity, action) for entity, action in choice.items()]
    return redact(value, TOOL, masks, KEYS)


def shape(value: Any, masked: Any) -> None:
    """The same members and types; a number or flag may have become null."""
    if isinstance(value, dict):
        assert list(value) == list(masked)
        for key in value:
            shape(value[key], masked[key])
    elif isinstance(value, list):
        assert len(value) == len(masked)
        for each, other in zip(value, masked, strict=True):
            shape(each, other)
    else:
        assert type(value) is type(masked) or (masked is None and not isinstance(value, str))


@pytest.mark.thorough
@given(st.lists(records(), min_size=1, max_size=3), CHOICES)
def test_nothing_that_is_masked_comes_out_and_nothing_else_is_touched(made, choice):
    payload = {"result": [record for record, _ in made]}
    planted = {value: entity for _, values in made for value, entity in values.items()}
    handles = {"nextCursor": next(iter(planted)), "requestState": "zz.top@mail.example.com"}
    content = [{"type": "text", "text": orjson.dumps(payload).decode()}]
    result = {"structuredContent": payload, "content": content, **handles}
    shown = looked_at(result, choice).value

    assert {name: shown[name] for name in handles} == handles
    assert orjson.loads(shown["content"][0]["text"]) == shown["structuredContent"]
    text = orjson.dumps({k: v for k, v in shown.items() if k not in handles}).decode()
    for value, entity in planted.items():
        is_kept = choice.get(entity) == "keep"
        assert (orjson.dumps(value).decode()[1:-1] in text) is is_kept, (entity, value)
    shape(payload, shown["structuredContent"])
    jsonschema.validate(shown["structuredContent"], SCHEMA)
    for record, masked in zip(payload["result"], shown["structuredContent"]["result"], strict=True):
        for name in ("id", "status", "createdAt", "count", "isVip"):
            assert masked[name] == record[name]
    assert looked_at(shown, choice).value == shown


@given(records(), CHOICES)
def test_a_task_keeps_its_id_and_what_is_said_of_it_is_masked(made, choice):
    record, values = made
    task = {"task": {"taskId": next(iter(values)), "statusMessage": record["note"]}}
    shown = looked_at(task, choice).value["task"]
    assert shown["taskId"] == task["task"]["taskId"]
    for value, entity in values.items():
        if entity in ("EMAIL", "PHONE", "CARD") and choice.get(entity) != "keep":
            assert value not in shown["statusMessage"]


# ---- the last look ------------------------------------------------------------------------------

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl"


def blind(monkeypatch: pytest.MonkeyPatch, is_missed: Any) -> None:
    """Make the look at leaves miss something, and not the last look, whose text holds NUL."""
    honest = detect.detect

    def seen(text: str, *rest: Any) -> Any:
        found = honest(text, *rest)
        return found if "\x00" in text else [s for s in found if not is_missed(s)]

    monkeypatch.setattr(detect, "detect", seen)


@pytest.mark.parametrize(
    ("entity", "value"),
    [
        ("EMAIL", "jane@example.com"),
        ("CARD", "4111 1111 1111 1111"),
        ("PHONE", "+14155552671"),
        ("TOKEN", JWT),
    ],
)
def test_what_the_look_at_leaves_missed_blocks_unless_a_rule_keeps_it(monkeypatch, entity, value):
    blind(monkeypatch, lambda span: span.entity == entity)
    result = {"note": f"see {value} now", "x": "z@x.test"}
    with pytest.raises(BackendFailed) as caught:
        redact(result, UNKNOWN, ())
    assert caught.value.reason == "redaction_residual"
    assert value not in str(caught.value)
    assert value in redact(result, UNKNOWN, [by_entity(entity, "keep")]).value["note"]


def test_a_name_that_the_sweep_missed_blocks_and_a_single_word_does_not(monkeypatch):
    honest = Known.spans

    def seen(self: Known, text: str) -> Any:
        return honest(self, text) if "\x00" in text else []

    monkeypatch.setattr(Known, "spans", seen)
    with pytest.raises(BackendFailed) as caught:
        redact({"structuredContent": {"name": "Jane Roe", "note": "hi Jane Roe"}}, CUSTOMER, ())
    assert caught.value.reason == "redaction_residual"
    result = {"structuredContent": {"name": "Paid", "state": "paid"}}
    assert redact(result, CUSTOMER, ()).value["structuredContent"]["state"] == "paid"


def test_what_one_rule_keeps_beside_what_another_masks_is_no_residue():
    masks = [by_entity("EMAIL", "keep"), by_pointer("/emails/*/original", "mask")]
    record = {
        "emails": [{"original": "jane@example.com"}],
        "note": "jane@example.com 4111111111111111",
    }
    shown = redact({"structuredContent": record}, CUSTOMER, masks).value["structuredContent"]
    assert shown == {"emails": [{"original": "[EMAIL]"}], "note": "jane@example.com [CARD]"}


def test_a_full_name_is_masked_as_a_members_name_and_a_word_is_not():
    record = {"name": "Jane Roe", "Jane Roe": 3, "by": {"jane roe": [1]}, "Jane": 4}
    shown = redact({"structuredContent": record}, CUSTOMER, ()).value["structuredContent"]
    assert shown == {"name": "[NAME]", "[NAME]": 3, "by": {"[NAME]": [1]}, "Jane": 4}
