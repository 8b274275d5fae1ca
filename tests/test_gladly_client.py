"""The Gladly client against transports that misbehave, and its reading of error bodies."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from gladly_fixtures import EMAIL, TOKEN, Gladly
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import ConfigError
from sidecar.gladly import client as module
from sidecar.gladly.client import Answer, Client, GladlyError, UnreachableError, errors


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def ask(
    token_file: Path,
    transport: httpx2.AsyncBaseTransport,
    verb: str = "GET",
    path: str = "/organization",
    **options: Any,
) -> Answer:
    async def run() -> Answer:
        client = Client("http://gladly.example/", EMAIL, token_file, transport=transport)
        try:
            return await client.call(verb, path, **options)
        finally:
            await client.aclose()

    return asyncio.run(run())


def answering(handler: Callable[[httpx2.Request], httpx2.Response]) -> httpx2.MockTransport:
    return httpx2.MockTransport(handler)


ERROR = {"attr": "conversation", "code": "invalid_state", "detail": "no", "meta": {"id": "x"}}


@pytest.mark.parametrize("body", [{"errors": [ERROR]}, {"errors": ERROR}, [ERROR]])
def test_the_three_error_shapes_are_read_as_one_error(body):
    read = errors(400, json.dumps(body).encode())
    assert read == (GladlyError(400, "invalid_state", "no", "conversation", {"id": "x"}),)


def test_several_errors_are_all_read():
    body = {"errors": [{"code": "blank", "attr": "a"}, 1, {"code": "invalid", "attr": "b"}]}
    read = errors(400, json.dumps(body).encode())
    assert [(one.code, one.attr) for one in read] == [("blank", "a"), ("invalid", "b")]


@pytest.mark.parametrize(
    "body",
    [b"", b"no json", b"[]", b'{"errors": []}', b'{"errors": "x"}', b"[1]", b"\xff", b"[" * 99999],
)
def test_any_other_error_body_leaves_the_status_alone(body):
    assert errors(404, body) == (GladlyError(404),)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("errors"), inner),
)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_reading_an_error_never_raises(body):
    read = errors(500, body)
    assert read
    for one in read:
        assert one.status == 500
        assert all(isinstance(text, str) for text in (one.code, one.detail, one.attr))


def test_moved_is_told_by_the_code_whatever_the_status():
    moved = {"errors": [{"code": "moved", "meta": {"old": "a", "new": "b"}}]}
    assert errors(400, json.dumps(moved).encode())[0].moved_to == "b"
    other = {"errors": [{"code": "taken", "meta": {"new": "b"}}]}
    assert errors(301, json.dumps(other).encode())[0].moved_to == ""


def test_a_redirect_is_not_followed(token_file):
    gladly = Gladly()
    old = gladly.world.id_of("customer/before-merge")
    item = {"content": {"type": "CUSTOMER_ACTIVITY"}}
    transport = httpx2.ASGITransport(gladly.app)
    path = f"/customers/{old}/conversation-items"
    answer = ask(token_file, transport, "POST", path, body=item)
    assert [(answer.status, one.code) for one in answer.errors] == [(301, "moved")]
    assert gladly.world.requests == [("POST", f"/api/v1{path}")]


def test_a_429_is_not_tried_again(token_file):
    seen = []

    def handler(request):
        seen.append(request)
        return httpx2.Response(429, headers={"Retry-After": "1"}, content=b'{"message":"x"}')

    answer = ask(token_file, answering(handler))
    assert (answer.status, answer.get("retry-after"), answer.body) == (429, "1", b'{"message":"x"}')
    assert len(seen) == 1


def test_the_request_bears_basic_auth_and_wants_plain_json(token_file):
    def handler(request):
        assert request.headers["authorization"] == httpx2.BasicAuth(EMAIL, TOKEN)._auth_header
        assert request.headers["accept-encoding"] == "identity"
        assert (
            str(request.url) == "http://gladly.example/api/v1/customer-profiles?phoneNumber=%2B1415"
        )
        return httpx2.Response(200, json=[])

    query = {"phoneNumber": "+1415"}
    answer = ask(token_file, answering(handler), path="/customer-profiles", query=query)
    assert answer.errors == ()


def test_a_renewed_token_is_used_at_once_and_a_missing_file_keeps_the_last(token_file):
    sent = []

    def handler(request):
        sent.append(request.headers["authorization"])
        return httpx2.Response(200)

    async def run() -> None:
        client = Client("http://gladly.example", EMAIL, token_file, transport=answering(handler))
        await client.call("GET", "/a")
        token_file.write_text("renewed")
        await client.call("GET", "/a")
        token_file.unlink()
        await client.call("GET", "/a")
        await client.aclose()

    asyncio.run(run())
    assert sent[0] != sent[1] == sent[2]


@pytest.mark.parametrize(
    ("failure", "is_sent"),
    [
        (httpx2.ConnectError("x"), False),
        (httpx2.ConnectTimeout("x"), False),
        (httpx2.ReadTimeout("x"), True),
        (httpx2.RemoteProtocolError("x"), True),
    ],
)
def test_no_answer_says_whether_the_request_went_out(token_file, failure, is_sent):
    def handler(request):
        raise failure

    with pytest.raises(UnreachableError) as caught:
        ask(token_file, answering(handler))
    assert caught.value.is_sent is is_sent


class Broken(httpx2.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        raise httpx2.ReadError("x")


def test_an_answer_that_breaks_off_is_no_answer(token_file):
    with pytest.raises(UnreachableError, match="broke off"):
        ask(token_file, answering(lambda _: httpx2.Response(200, stream=Broken())))


def test_an_answer_over_the_cap_is_refused(token_file, monkeypatch):
    monkeypatch.setattr(module, "BODY_CAP", 10)
    big = answering(lambda _: httpx2.Response(200, content=b"x" * 11))
    with pytest.raises(UnreachableError, match="too large"):
        ask(token_file, big)


def test_a_missing_or_empty_token_file_stops_the_start(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        Client("http://gladly.example", EMAIL, tmp_path / "absent")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        Client("http://gladly.example", EMAIL, tmp_path / "empty")


def test_a_token_file_that_holds_no_text_is_a_problem_that_shows_nothing_of_it(token_file):
    token_file.write_bytes(b"s3cret\xff")
    with pytest.raises(ConfigError) as refused:
        Client("http://gladly.example", EMAIL, token_file)
    (problem,) = refused.value.problems
    assert (problem.where, problem.what) == (
        str(token_file),
        "the Gladly API token is not UTF-8 text",
    )
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_token_file_that_holds_no_text_any_more_leaves_the_token_that_was_read(token_file):
    seen: list[str] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers["authorization"])
        token_file.write_bytes(b"\xff")
        return httpx2.Response(200)

    async def twice() -> None:
        client = Client("http://gladly.example", EMAIL, token_file, transport=answering(handler))
        for _ in range(2):
            await client.call("GET", "/organization")
        await client.aclose()

    asyncio.run(twice())
    assert len(seen) == 2
    assert len(set(seen)) == 1
