"""Bytes to Message: what is read, what is refused, and that both sides of it agree."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import jsonrpc
from sidecar.errors import Malformed

CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{}}}'

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


def call(params: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + params + b"}"


def test_a_request_is_read_with_its_method_id_and_parameters():
    message = jsonrpc.parse(CALL)
    assert (message.kind, message.method, message.id) == ("request", "tools/call", 1)
    assert message.params == {"name": "a", "arguments": {}}
    assert message.canonical == CALL


def test_a_message_without_id_is_a_notification():
    assert jsonrpc.parse(b'{"jsonrpc":"2.0","method":"x"}').kind == "notification"


@pytest.mark.parametrize("member", [b'"result":{}', b'"error":{"code":1,"message":"x"}'])
def test_a_response_is_read_with_its_id(member):
    message = jsonrpc.parse(b'{"jsonrpc":"2.0","id":"a",' + member + b"}")
    assert (message.kind, message.id) == ("response", "a")


def test_spaces_escapes_and_other_spellings_leave_in_one_canonical_form():
    loose = b' { "jsonrpc" : "2.0", "id":1, "method":"tools\\/call", "params":{"name":"\\u0061"} } '
    assert jsonrpc.parse(loose).canonical == (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}'
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (CALL + b"{}", "not_json"),
        (b"\xef\xbb\xbf" + CALL, "not_json"),
        (CALL.decode().encode("utf-16"), "not_json"),
        (b"[" + CALL + b"]", "not_an_object"),
        (b'"x"', "not_an_object"),
        (CALL.replace(b"2.0", b"1.0"), "not_jsonrpc_2"),
        (CALL.replace(b'"id":1', b'"id":null'), "bad_id"),
        (CALL.replace(b'"id":1', b'"id":true'), "bad_id"),
        (CALL.replace(b'"id":1', b'"id":1.5'), "bad_id"),
        (CALL.replace(b'"id":1', b'"id":9007199254740992'), "bad_id"),
        (CALL.replace(b'"id":1', b'"id":{}'), "bad_id"),
        (CALL.replace(b'"id":1', b'"id":1,"id":2'), "duplicate_key"),
        (CALL.replace(b'"id":1', b'"id":1,"\\u0069d":2'), "duplicate_key"),
        (CALL.replace(b'"id":1', b'"id":1,"extra":2'), "unknown_member"),
        (CALL.replace(b'"id":1', b'"id":1,"Method":"x"'), "unknown_member"),
        (CALL.replace(b'"id":1', b'"id":1,"result":{}'), "mixed_kinds"),
        (b'{"jsonrpc":"2.0","id":1}', "mixed_kinds"),
        (b'{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', "mixed_kinds"),
        (b'{"jsonrpc":"2.0","id":1,"result":[]}', "bad_result"),
        (CALL.replace(b'"tools/call"', b"1"), "bad_method"),
        (call(b"[]"), "bad_params"),
        (call(b"null"), "bad_params"),
        (call(b'{"name":"a","Name":"b"}'), "look_alike_key"),
        (call('{"name":"a","ｎame":"b"}'.encode()), "look_alike_key"),
        (call(b'{"name":"a","name\\u0000":"b"}'), "look_alike_key"),
        (call(b'{"name":"a","x":{"k":1,"k":2}}'), "duplicate_key"),
        (call(b'{"x":NaN}'), "not_json"),
        (call(b'{"x":Infinity}'), "not_json"),
        (call(b'{"x":1e999}'), "not_json"),
        (call(b'{"x":18446744073709551616}'), "number_out_of_range"),
        (call(b'{"x":' + b"9" * 5000 + b"}"), "not_json"),
        (call(b'{"x":"\\ud800"}'), "not_json"),
        (call(b'{"x":"\xff"}'), "not_json"),
        (call(b'{"x":' + b"[" * 70 + b"]" * 70 + b"}"), "too_deep"),
        (b"[" * 100_000, "not_json"),
        (b"[" * 200_000, "too_complex"),
        (call(b'{"x":[' + b",".join([b"[]"] * 70_000) + b"]}"), "too_complex"),
        (call(b'{"x":[' + b",".join([b'{"a":1}'] * 70_000) + b"]}"), "too_complex"),
        (call(b'{"x":[' + b",".join([b"1"] * 210_000) + b"]}"), "too_complex"),
        (call(b'{"x":["\\/",' + b",".join([b'{"a":1}'] * 40_000) + b"]}"), "too_complex"),
    ],
)
def test_what_can_be_read_in_two_ways_or_not_at_all_is_refused(raw, reason):
    with pytest.raises(Malformed) as refused:
        jsonrpc.parse(raw)
    assert refused.value.reason == reason


def test_brackets_inside_strings_do_not_count_as_depth():
    text = orjson.dumps('[{"' * 200)
    assert jsonrpc.parse(call(b'{"x":' + text + b"}")).params["x"] == '[{"' * 200


def test_an_error_without_a_known_id_leaves_the_member_out():
    assert b'"id"' not in jsonrpc.error(None, -32700, "x")


@given(json_values)
def test_every_value_that_json_can_hold_survives_whatever_its_spelling(value):
    params = {"arguments": value}
    loose = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "m", "params": params}, indent=1)
    message = jsonrpc.parse(loose.encode())
    assert message.params == params
    assert jsonrpc.parse(message.canonical).canonical == message.canonical


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_refusal(raw):
    try:
        message = jsonrpc.parse(raw)
    except Malformed as refusal:
        assert refusal.status == 400
    else:
        assert message.kind in {"request", "notification", "response"}


@given(st.dictionaries(st.text(max_size=4), st.integers(), min_size=1, max_size=4), st.data())
def test_a_key_that_stands_twice_is_refused_in_any_spelling(pairs, data):
    key = data.draw(st.sampled_from(sorted(pairs)))
    try:
        text = ",".join(f"{json.dumps(k)}:{v}" for k, v in [*pairs.items(), (key, 1)])
        raw = call(b'{"arguments":{' + text.encode() + b"}}")
    except UnicodeEncodeError:
        return
    with pytest.raises(Malformed):
        jsonrpc.parse(raw)


def test_a_megabyte_of_ordinary_customers_passes_however_it_is_written():
    one = {"name": "Zoë Roe", "emails": [{"original": "z@x.test"}], "address": "12 Long Street"}
    customers = [{"id": f"Qm9-XyZ_01aBcDeFg{i:05d}", "isVip": None, **one} for i in range(7400)]
    body = {"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": {"result": customers}}}
    compact, spaced = orjson.dumps(body), json.dumps(body, ensure_ascii=False).encode()
    escaped = json.dumps(body).encode()
    assert len(compact) > 900_000
    for raw in (compact, spaced, escaped):
        assert jsonrpc.parse(raw).canonical == compact


def test_a_table_in_one_string_is_one_part():
    body = {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"text": "a,b,c\n" * 150_000}]}}
    assert jsonrpc.parse(orjson.dumps(body)).body == body


def test_spaces_hide_no_second_key():
    with pytest.raises(Malformed) as refused:
        jsonrpc.loads(b'{"a": 1, "a": 1}')
    assert refused.value.reason == "duplicate_key"
    assert jsonrpc.loads(b'{ "a b" : [ 1 , 2.5 ]\r\n}') == {"a b": [1, 2.5]}
