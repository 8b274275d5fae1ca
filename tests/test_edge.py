"""The edge: what comes in at all, and headers that may only confirm what the body says."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar import edge, jsonrpc
from sidecar.errors import Inadmissible, Malformed, NotFound, Refusal
from sidecar.model import Head

RULES = edge.Rules(frozenset({"localhost:8080"}), frozenset({"http://localhost:3000"}), 1000)
HEADERS = {"host": "localhost:8080", "content-type": "application/json", "content-length": "2"}


def head(verb="POST", path="/mcp", extra=(), **headers):
    names = {k.replace("_", "-"): v for k, v in headers.items()}
    return Head(verb, path, (*(HEADERS | names).items(), *extra))


def legacy(method="tools/call", **params):
    return jsonrpc.message({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


def modern(method="tools/call", **params):
    meta = {edge.META_VERSION: edge.MODERN}
    return legacy(method, **params, _meta=meta)


@pytest.mark.parametrize("path", ["/mcp", "/mcp/abc_DEF-123"])
@pytest.mark.parametrize("verb", ["POST", "GET", "DELETE"])
def test_the_endpoints_paths_and_verbs_come_in(path, verb):
    edge.admit(head(verb, path), RULES)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/mcp/",
        "//mcp",
        "/MCP",
        "/mcp/a/b",
        "/mcp/%61",
        "/mcp;x",
        "/mcp?x=1",
        "/mcp/a?token=b",
        "/mcp/../mcp",
        "http://localhost:8080/mcp",
        "/mcp/" + "a" * 129,
        "/mcp\n",
    ],
)
def test_every_other_spelling_of_a_path_is_not_found(path):
    with pytest.raises(NotFound):
        edge.admit(head(path=path), RULES)


@pytest.mark.parametrize("path", ["/sse", "/messages"])
def test_a_client_of_the_oldest_transport_is_told_what_to_use(path):
    with pytest.raises(NotFound, match="transport of 2024-11-05") as refused:
        edge.admit(head("GET", path), RULES)
    assert "Streamable HTTP" in refused.value.public


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"verb": "PUT"}, 405),
        ({"verb": "OPTIONS"}, 405),
        ({"host": "evil.example"}, 403),
        ({"host": "localhost:8081"}, 403),
        ({"host": ""}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/json; charset=utf-16"}, 415),
        ({"content_type": "application/json, text/plain"}, 415),
        ({"content_type": "application/jsonx"}, 415),
        ({"content_encoding": "gzip"}, 415),
        ({"content_encoding": "GZIP"}, 415),
        ({"content_length": "1001"}, 413),
        ({"content_length": "9" * 40}, 413),
    ],
)
def test_what_must_not_come_in_is_refused_with_its_status(change, status):
    with pytest.raises(Inadmissible) as refused:
        edge.admit(head(**change), RULES)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "value", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
def test_utf_8_may_be_named(value):
    edge.admit(head(content_type=value), RULES)


@pytest.mark.parametrize("origin", ["http://localhost:3000", "HTTP://LOCALHOST:3000"])
def test_a_configured_origin_comes_in(origin):
    edge.admit(head(origin=origin), RULES)


@pytest.mark.parametrize(
    "name", ["authorization", "host", "content-type", "mcp-protocol-version", "mcp-name"]
)
def test_a_repeated_single_header_is_refused(name):
    with pytest.raises(Malformed) as refused:
        edge.admit(head(extra=((name, "a"), (name, "b"))), RULES)
    assert refused.value.code == jsonrpc.HEADER_MISMATCH


def test_a_modern_request_needs_its_mirrored_headers():
    message = modern(name="a", arguments={})
    good = {"mcp_protocol_version": edge.MODERN, "mcp_method": "tools/call", "mcp_name": "a"}
    edge.confirm(head(**good), message)
    for left_out in good:
        rest = {k: v for k, v in good.items() if k != left_out}
        with pytest.raises(Malformed) as refused:
            edge.confirm(head(**rest), message)
        assert refused.value.code == jsonrpc.HEADER_MISMATCH


@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
def test_the_name_of_a_task_is_its_id(method):
    message = modern(method, taskId="t-1")
    headers = {"mcp_protocol_version": edge.MODERN, "mcp_method": method}
    edge.confirm(head(**headers, mcp_name="t-1"), message)
    assert dict(edge.mirrored(message))["mcp-name"] == "t-1"
    for other in ({}, {"mcp_name": "t-2"}):
        with pytest.raises(Malformed) as refused:
            edge.confirm(head(**headers, **other), message)
        assert refused.value.code == jsonrpc.HEADER_MISMATCH


@pytest.mark.parametrize("era", [legacy, modern])
def test_an_innocent_name_in_a_header_does_not_cover_another_in_the_body(era):
    headers = {"mcp_protocol_version": edge.MODERN} if era is modern else {}
    with pytest.raises(Malformed) as refused:
        edge.confirm(
            head(mcp_method="tools/call", mcp_name="innocent", **headers),
            era(name="denied", arguments={}),
        )
    assert refused.value.code == jsonrpc.HEADER_MISMATCH


def test_a_modern_version_header_on_a_legacy_body_is_refused():
    with pytest.raises(Malformed) as refused:
        edge.confirm(head(mcp_protocol_version=edge.MODERN), legacy(name="a"))
    assert refused.value.code == jsonrpc.INVALID_PARAMS


@pytest.mark.parametrize("claim", ["2026-07-28\0", "2026-07-28\r\nx: 1", "é", "", "x" * 65, 7])
def test_a_version_that_its_header_cannot_hold_is_refused_before_it_is_mirrored(claim):
    message = legacy("tools/list", _meta={edge.META_VERSION: claim})
    for judged in (edge.mirrored, lambda m: edge.confirm(head(mcp_protocol_version=claim), m)):
        with pytest.raises(Malformed) as refused:
            judged(message)
        assert (refused.value.status, refused.value.code) == (400, jsonrpc.INVALID_PARAMS)


def test_a_legacy_version_header_on_a_modern_body_is_refused():
    with pytest.raises(Malformed):
        edge.confirm(
            head(mcp_protocol_version="2025-06-18", mcp_method="tools/call", mcp_name="a"),
            modern(name="a", arguments={}),
        )


@pytest.mark.parametrize("era", [legacy])
def test_a_legacy_request_needs_no_mirrored_header(era):
    edge.confirm(head(), era(name="a"))
    edge.confirm(head(mcp_protocol_version="2025-06-18"), era(name="a"))


ARGUMENTS = {"region": "eu", "n": 5, "b": True, "no": None, "Loud": "x", "in": {"zone": "z"}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("region", "eu"),
        ("region", f"=?base64?{base64.b64encode(b'eu').decode()}?="),
        ("n", "5"),
        ("b", "true"),
        ("loud", "x"),
        ("zone", "z"),
        ("count", "5"),
    ],
)
def test_a_mirrored_parameter_passes_with_the_value_of_its_argument(name, value):
    message = legacy(name="a", arguments=ARGUMENTS)
    paths = {"zone": ("in", "zone"), "count": ("n",)}
    edge.confirm_params(head(extra=((f"mcp-param-{name}", value),)), message, paths)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("region", "us"),
        ("region", "5"),
        ("region", "=?base64?ZXU?="),
        ("region", "=?base64?/////?="),
        ("n", "eu"),
        ("no", "None"),
        ("in", "z"),
        ("zone", "eu"),
        ("area", "eu"),
        ("", "eu"),
        ("loud", "eu"),
        ("gone", ""),
    ],
)
def test_a_mirrored_parameter_is_held_against_its_own_argument_alone(name, value):
    message = legacy(name="a", arguments=ARGUMENTS)
    paths = {"zone": ("in", "zone"), "loud": ("Loud", "x"), "gone": ("gone",)}
    with pytest.raises(Malformed) as refused:
        edge.confirm_params(head(extra=((f"mcp-param-{name}", value),)), message, paths)
    assert refused.value.code == jsonrpc.HEADER_MISMATCH


def test_arguments_that_differ_only_in_case_are_mirrored_only_if_equal():
    header = head(mcp_param_a="1")
    edge.confirm_params(header, legacy(name="x", arguments={"a": 1, "A": "1"}), {})
    with pytest.raises(Malformed):
        edge.confirm_params(header, legacy(name="x", arguments={"a": 1, "A": 2}), {})


@pytest.mark.parametrize("params", [{}, {"arguments": []}])
def test_a_mirrored_parameter_needs_arguments(params):
    with pytest.raises(Malformed):
        edge.confirm_params(head(mcp_param_a=""), legacy(name="x", **params), {})


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_the_headers_we_write_confirm_the_body_they_came_from(name):
    message = modern(name=name, arguments={})
    written = dict(edge.mirrored(message))
    assert all(v.isascii() and v.isprintable() for v in written.values())
    edge.confirm(Head("POST", "/mcp", tuple(written.items())), message)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_text_raises_anything_but_a_refusal(name, value):
    try:
        edge.confirm(
            head(mcp_name=name, mcp_method=value, mcp_protocol_version=value), modern(name="a")
        )
    except Refusal as refusal:
        assert refusal.status == 400
