"""Tokens: the same for one value however it is spelt, unlinkable over entities and keys."""

from __future__ import annotations

import base64
import hmac
import itertools
from typing import Any

import orjson
import pytest
from flow import BUNDLE, Flow, call, flow, tool_result
from redaction_parts import CUSTOMER, JANE, UNKNOWN, by_entity, by_pointer
from test_audit_event import VALIDATOR

from sidecar.model import ENTITIES, ArgumentMarks, Tool
from sidecar.policy import Embedded
from sidecar.redaction import Key, Pseudonyms, Redactor, detect, people, redact, scan
from sidecar.redaction.rules import strictest

KEYS = Pseudonyms((Key("k2", b"n" * 32), Key("k1", b"o" * 32)))
TOKENS = [by_entity(e, "pseudonym") for e in ("EMAIL", "PHONE", "NAME", "ADDRESS", "PIN", "TOKEN")]


def by_hand(entity: str, key: Key, canonical: str) -> str:
    """RFC 5869 and 2104 with nothing but HMAC: one block of output is enough for 32 bytes."""
    extracted = hmac.digest(b"\0" * 32, key.master, "sha256")
    derived = hmac.digest(extracted, f"pii/{entity}/{key.id}".encode() + b"\1", "sha256")
    kept = hmac.digest(derived, canonical.encode(), "sha256")[:10]
    return f"[{entity}:{key.id}:{base64.b32encode(kept).decode().lower()}]"


def masked(payload: Any, *masks: Any) -> Any:
    content = [{"type": "text", "text": orjson.dumps(payload).decode()}]
    result = {"structuredContent": payload, "content": content}
    shown = redact(result, CUSTOMER, masks or TOKENS, KEYS).value
    assert orjson.loads(shown["content"][0]["text"]) == shown["structuredContent"]
    return shown["structuredContent"]


@pytest.mark.parametrize(
    ("entity", "canonical", "spellings"),
    [
        (
            "EMAIL",
            "jane@example.com",
            ["Jane@Example.COM", "ｊａｎｅ@example.com", "jane%40example.com"],
        ),
        ("EMAIL", "jane@example.com", ["ja\u200bne@example.com", " jane@example.com\n"]),
        ("PHONE", "+14155552671", ["(415) 555-2671", "+1 415 555 2671", "001 415 555 2671"]),
        (
            "PHONE",
            "+14155552671",
            ["+1\u00a0415\u2011555\u20112671", "４１５-555-2671", "1-415-555-2671"],
        ),
        ("PHONE", "12345", ["123 45", "1-2-3-4-5"]),
        ("CARD", "4111111111111111", ["4111 1111 1111 1111", "4111-1111-1111-1111"]),
        ("SSN", "219099999", ["219-09-9999"]),
        ("IBAN", "DE89370400440532013000", ["de89 3704 0044 0532 0130 00"]),
        ("NAME", "jane doe", ["JANE  Doe", "Jane\tDoe ", "Ｊane Doe"]),
        ("NAME", "strasse", ["Straße"]),
        ("ADDRESS", "12 long street, springfield", ["12 Long Street,\nSpringfield"]),
    ],
)
def test_spellings_of_one_value_have_the_token_of_its_canonical_form(entity, canonical, spellings):
    for spelling in (canonical, *spellings):
        expected = tuple(by_hand(entity, key, canonical) for key in KEYS.keys)
        assert KEYS.tokens(entity, spelling) == expected
        assert KEYS.token(entity, spelling) == expected[0]
        assert detect.is_mask(expected[0]) is (entity in ENTITIES)


def test_tokens_of_other_entities_and_keys_say_nothing_of_each_other():
    tokens = {
        token.rpartition(":")[2]
        for entity in ("EMAIL", "PHONE", "NAME", "CUSTOM")
        for token in KEYS.tokens(entity, "4155552671")
    }
    same_id = Pseudonyms((Key("k2", b"x" * 32),))
    assert same_id.token("EMAIL", "a@x.test") != KEYS.token("EMAIL", "a@x.test")
    assert len(tokens) == 8


def test_a_secret_and_a_value_without_a_key_have_no_token():
    for entity in ("PIN", "TOKEN", "MEDIA", "IMAGE"):
        assert KEYS.token(entity, "1234") is None
        assert KEYS.tokens(entity, "1234") == ()
    assert Pseudonyms().token("EMAIL", "jane@example.com") is None
    assert "nnnn" not in repr(KEYS)


def test_a_person_has_one_token_by_path_and_in_prose():
    note = "Ask JANE@EXAMPLE.COM, +1 (415) 555-2671, Jane Doe. My pin is 4931"
    shown = masked({**JANE, "note": note})
    email, phone = (
        KEYS.token(*pair) for pair in (("EMAIL", "jane@example.com"), ("PHONE", "+14155552671"))
    )
    name = KEYS.token("NAME", "Jane Doe")
    assert shown["name"] == name
    assert shown["emails"][0]["original"] == email
    assert shown["phones"][0]["original"] == phone
    assert shown["note"] == f"Ask {email}, {phone}, {name}. My pin is [PIN]"
    assert shown["id"] == JANE["id"]


def test_a_part_of_a_name_has_no_token_for_many_share_it():
    shown = masked({"name": "Jane Doe", "note": "Hi Jane, and jane doe"})
    assert shown["note"] == f"Hi [NAME], and {KEYS.token('NAME', 'Jane Doe')}"


def test_a_pointer_may_ask_for_a_token_of_what_the_catalog_does_not_know():
    shown = masked(
        {"ref": "Blue Moon", "n": 7}, by_pointer("/ref", "pseudonym"), by_pointer("/n", "pseudonym")
    )
    assert shown == {"ref": KEYS.token("CUSTOM", "blue moon"), "n": None}


def test_without_a_key_a_pseudonym_is_a_mask():
    assert redact({"a": "jane@example.com"}, UNKNOWN, TOKENS).value == {"a": "[EMAIL]"}


def test_masking_what_holds_tokens_changes_nothing():
    once = masked({**JANE, "note": "jane@example.com or +14155552671", "jane@example.com": 1})
    assert masked(once) == once
    assert masked(once, by_entity("EMAIL", "mask")) == once


def test_tokens_coming_back_are_our_own_masks_and_nothing_else():
    token = KEYS.token("PHONE", "+14155552671")
    assert [f.entity for f in scan({"a": f"call {token} or [EMAIL]"})] == ["MASK", "MASK"]
    assert [f.entity for f in scan({"phone": token})] == ["MASK"]


@pytest.mark.parametrize("name", ["Email Doe", "Phone Home", "Card Jones", "Name Less"])
def test_a_person_who_is_called_as_a_mask_is_damages_none(name):
    note = f"{name}: jane@example.com +14155552671 4111111111111111"
    shown = masked({"name": name, "note": note}, by_entity("CARD", "mask"))
    assert shown == {"name": "[NAME]", "note": "[NAME]: [EMAIL] [PHONE] [CARD]"}


def test_the_actions_have_one_order_here_and_in_rego():
    order = ["keep", "last4", "pseudonym", "mask", "drop"]
    for mild, strict in itertools.pairwise(order):
        assert strictest(mild, strict) == strictest(strict, mild) == strict  # type: ignore[arg-type]  # words
    library = dict(BUNDLE.modules)
    text = next(t for t in library.values() if "package sidecar.lib.masks\n" in t)
    ranks = ", ".join(f'"{action}": {rank}' for rank, action in enumerate(order))
    assert f"rank := {{{ranks}}}" in text


# ---- whom a caller searches for ----------------------------------------------------------------

SEARCH = "list_all_gladly_customers"


async def searched(f: Flow, **arguments: Any) -> list[dict[str, str]]:
    f.backend.reply = tool_result([])
    await f.ask(call(SEARCH, **arguments))
    (intent,) = f.events("intent")
    VALIDATOR.validate(intent)
    found: list[dict[str, str]] = intent["data"].get("subjects", [])
    return found


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("arguments", "kind", "canonical"),
    [
        ({"email": "Jane.Roe@Example.com"}, "email", "jane.roe@example.com"),
        ({"phoneNumber": "(415) 555-2671"}, "phone", "+14155552671"),
        ({"phoneNumber": "020 7946 0958"}, "phone", "+442079460958"),
    ],
)
async def test_the_log_holds_a_token_of_whom_a_caller_searched_for(
    tmp_path, arguments, kind, canonical
):
    async with flow(tmp_path, redactor=Redactor(KEYS)) as f:
        token = KEYS.token(kind.upper(), canonical)
        assert await searched(f, **arguments) == [{"kind": kind, "id": token}]
        assert canonical.encode() not in f.log.read_bytes()


@pytest.mark.anyio
async def test_without_a_key_the_log_holds_nothing_of_whom_a_caller_searched_for(tmp_path):
    async with flow(tmp_path) as f:
        assert await searched(f, email="jane.roe@example.com") == []


@pytest.mark.anyio
async def test_customers_own_ids_stay_readable_beside_tokens(tmp_path):
    async with flow(tmp_path, redactor=Redactor(KEYS)) as f:
        f.backend.reply = tool_result({"id": "x"})
        body = "please write to jane.roe@example.com"
        await f.ask(call("create_a_gladly_task", customer_id=JANE["id"], body=body))
        assert f.events("intent")[0]["data"]["subjects"] == [
            {"kind": "customer", "id": JANE["id"]},
            {"kind": "email", "id": KEYS.token("EMAIL", "jane.roe@example.com")},
        ]


def test_people_are_found_at_any_depth_in_keys_and_in_json_each_once_and_not_without_end():
    def told(arguments: dict[str, Any], **marks: ArgumentMarks) -> list[str]:
        return [p["id"] for p in people.searched(arguments, scan(arguments), marks, KEYS)]

    email = KEYS.token("EMAIL", "j@x.test")
    assert told({"a": [{"b": "J@x.test and j@X.test"}]}) == [email]
    assert told({"a": {"j@x.test": 1}}) == [email]
    assert told({"a": '{"b": "j@x.test"}'}) == [email]
    assert told({"a": "[EMAIL]", "b": "order 4155552671"}) == []
    assert told({"to": "[EMAIL]"}, to=ArgumentMarks(expected=("EMAIL",))) == []
    assert len(told({"a": [f"j{n}@x.test" for n in range(99)]})) == people.MOST


@pytest.mark.anyio
async def test_whom_an_unknown_tool_names_is_not_told():
    arguments = {"a": "j@x.test"}
    found = await Redactor(KEYS).people(arguments, scan(arguments), Tool("invented"), 100)
    assert found == ()


# ---- a policy that asks for tokens --------------------------------------------------------------


@pytest.mark.anyio
async def test_a_policy_may_ask_for_tokens_of_what_comes_back(tmp_path):
    site = {"site": {"config": {"masks": {"EMAIL": "pseudonym"}}}}
    engine = Embedded(BUNDLE.__class__(BUNDLE.modules, {**BUNDLE.data, **site}, BUNDLE.sha256))
    async with flow(tmp_path, engine, redactor=Redactor(KEYS)) as f:
        f.backend.reply = tool_result(JANE)
        reply = await f.ask(call("get_single_gladly_customer_by_id", id=JANE["id"]))
        shown = reply.json()["result"]["structuredContent"]
        assert shown["emails"][0]["original"] == KEYS.token("EMAIL", "jane@example.com")
        assert shown["name"] == "[NAME]"
