"""What a caller gets when the backend fails, over real sockets; each failure leaves one outcome."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import flow
import httpx2
import orjson
import pytest
from gladly_fixtures import ERAS
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from world import Behind, caller, logged, served, staged

from sidecar import audit, sse

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

TOO_SLOW = 1.5
"""The sidecar's reply timeout here, in seconds; long for whatever is not meant to be late."""

CAP = 64 * 1024
IDS = count(1000)
"""Every request has its own id, by which its outcome is found in the log."""


class Scripted:
    """A backend that answers every request with `answer`, and counts them."""

    def __init__(self) -> None:
        self.answer: ASGIApp = Response()
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.requests += 1
            await self.answer(scope, receive, send)


@pytest.fixture(scope="module")
def backend() -> Iterator[tuple[Scripted, str]]:
    scripted = Scripted()
    with served(scripted, has_list=False) as url:
        yield scripted, f"{url}/mcp"


@pytest.fixture(scope="module")
def sidecar(
    backend: tuple[Scripted, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Behind]:
    folder = tmp_path_factory.mktemp("sidecar")
    changes: dict[str, Any] = {
        "backend": {"reply_timeout": TOO_SLOW},
        "limits": {"reply_bytes": CAP},
    }
    with staged(Behind(folder, backend[1], **changes)) as up:
        yield up
    assert audit.verify(up.audit_log).is_valid


async def ask(sidecar: Behind, era: str = "legacy") -> tuple[int, httpx2.Response]:
    """Ask for a tool that the endpoint offers; gives the request's id and the answer."""
    call = flow.call("list_all_gladly_inboxes", next(IDS))
    body, headers = flow.modern(call) if era == "auto" else (call, {})
    async with caller(sidecar.bearer("agent")) as http:
        return body["id"], await http.post(sidecar.url("triage"), json=body, headers=headers)


def assert_told(answer: httpx2.Response, status: int, request_id: int) -> None:
    """An error of ours, with the request's id, and nothing of the backend's."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert (body["id"], body["error"]["code"]) == (request_id, -32603)
    assert "SECRET" not in answer.text + str(answer.headers)


def outcome(sidecar: Behind, request_id: int) -> dict[str, Any]:
    """The one outcome of a request, which has exactly one intent before it."""
    (intent,) = logged(sidecar, "intent", request_id=str(request_id))
    (found,) = logged(sidecar, request_id=str(request_id))
    assert found["ref"] == intent["id"]
    return found


def cut(content_type: bytes, *chunks: bytes) -> ASGIApp:
    """An answer that promises more than it sends, and then hangs up."""

    async def send_some(_: Scope, __: Receive, send: Send) -> None:
        headers = [(b"content-type", content_type)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

    return send_some


def whole(content_type: bytes, *chunks: bytes) -> ASGIApp:
    """The same, ended properly."""
    some = cut(content_type, *chunks)

    async def send_all(scope: Scope, receive: Receive, send: Send) -> None:
        await some(scope, receive, send)
        await send({"type": "http.response.body", "body": b""})

    return send_all


async def hang(_: Scope, receive: Receive, __: Send) -> None:
    """Answer nothing until the sidecar gives up."""
    while (await receive())["type"] != "http.disconnect":
        pass


RESULT = {"jsonrpc": "2.0", "id": 0, "result": {"content": [], "isError": False}}
JSON, SSE = b"application/json", b"text/event-stream"
FAILURES: dict[str, tuple[ASGIApp, int, str]] = {
    "late": (hang, 504, "backend_timed_out"),
    "redirect": (RedirectResponse("/mcp/SECRET"), 502, "backend_redirects"),
    "permanent redirect": (RedirectResponse("http://SECRET/", 308), 502, "backend_redirects"),
    "compressed": (
        Response(
            gzip.compress(orjson.dumps(RESULT)),
            headers={"content-encoding": "gzip"},
            media_type="application/json",
        ),
        502,
        "backend_compressed",
    ),
    "page": (HTMLResponse("<p>SECRET</p>"), 502, "backend_content_type"),
    "error page": (HTMLResponse("<p>SECRET</p>", 500), 502, "backend_refused"),
    "unavailable": (JSONResponse({"SECRET": 1}, 503), 502, "backend_refused"),
    "unauthorized": (
        Response(status_code=401, headers={"WWW-Authenticate": 'Bearer realm="SECRET"'}),
        502,
        "backend_refused",
    ),
    "forbidden": (
        Response(status_code=403, headers={"WWW-Authenticate": 'Bearer scope="SECRET"'}),
        502,
        "backend_refused",
    ),
    "oversize, announced": (
        Response(b"[" + b" " * CAP + b"]", media_type="application/json"),
        502,
        "reply_too_large",
    ),
    "oversize, unannounced": (whole(JSON, *[b" " * 1024] * 65), 502, "reply_too_large"),
    "cut": (cut(JSON, b'{"jsonrpc":"2.0","SECRET":'), 502, "backend_failed"),
    "hung up": (cut(JSON), 502, "backend_failed"),
    "no JSON": (whole(JSON, b'{"SECRET"'), 502, "backend_unparseable"),
    "nothing": (Response(), 502, "backend_malformed"),
    "accepted": (Response(status_code=202), 502, "backend_malformed"),
    "another's answer": (JSONResponse(RESULT), 502, "foreign_response"),
}  # fmt: skip


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("failure", FAILURES)
async def test_a_failure_is_told_without_its_details_and_leaves_one_outcome(
    sidecar, backend, failure, era
):
    scripted, before = backend[0], backend[0].requests
    scripted.answer, status, reason = FAILURES[failure]
    request_id, answer = await ask(sidecar, era)
    assert_told(answer, status, request_id)
    assert "www-authenticate" not in answer.headers
    assert "location" not in answer.headers
    assert scripted.requests == before + 1
    found = outcome(sidecar, request_id)
    assert found["decision"]["reason"] == reason
    assert found["outcome"]["http"] == status
    assert found["outcome"]["status"] == ("timeout" if status == 504 else "backend_error")


async def test_a_backend_that_is_down_is_told_as_502(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        target = f"http://127.0.0.1:{nobody.getsockname()[1]}/mcp"
        async with Behind(tmp_path, target) as down:
            request_id, answer = await ask(down)
            assert_told(answer, 502, request_id)
            assert target not in answer.text
            # Nothing was sent: without the backend's list nobody can say what the tool is.
            (alone,) = logged(down, request_id=str(request_id))
            assert alone["outcome"]["status"] == "backend_error"
            assert logged(down, "intent", request_id=str(request_id)) == []


PROGRESS = {
    "jsonrpc": "2.0",
    "method": "notifications/progress",
    "params": {"progressToken": "p", "progress": 1},
}
FOREIGN = {"jsonrpc": "2.0", "id": "SECRET", "error": {"code": -32000, "message": "SECRET"}}
BROKEN_STREAMS: dict[str, tuple[Callable[..., ASGIApp], bytes, str]] = {
    "cut": (cut, b'data: {"jsonrpc"', "backend_failed"),
    "ended": (whole, b"", "stream_cut"),
    "no JSON": (whole, b"data: {SECRET}\n\n", "backend_unparseable"),
    "another's error": (whole, flow.event(FOREIGN), "foreign_response"),
    "nobody's error": (whole, flow.event(FOREIGN | {"id": None}), "foreign_response"),
}


@pytest.mark.parametrize("broken", BROKEN_STREAMS)
async def test_a_stream_that_breaks_ends_in_an_error_and_leaves_one_outcome(
    sidecar, backend, broken
):
    make, last, reason = BROKEN_STREAMS[broken]
    backend[0].answer = make(SSE, flow.event(PROGRESS), last)
    request_id, answer = await ask(sidecar)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
    first, end = (orjson.loads(e.data or b"") for e in sse.Parser(CAP).feed(answer.content))
    assert first == PROGRESS
    assert (end["id"], end["error"]["code"]) == (request_id, -32603)
    assert "SECRET" not in answer.text
    found = outcome(sidecar, request_id)
    assert (found["outcome"]["status"], found["decision"]["reason"]) == ("backend_error", reason)


@pytest.mark.parametrize("status", [400, 404, 409])
async def test_an_error_about_no_request_in_particular_keeps_its_status(sidecar, backend, status):
    """Servers answer an unknown session so, and a client that sees 404 begins a new one."""
    error = {"code": -32600, "message": "for a@b.example"}
    backend[0].answer = JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, status)
    request_id, answer = await ask(sidecar)
    assert answer.status_code == status
    assert answer.json() == {"jsonrpc": "2.0", "error": error | {"message": "for [EMAIL]"}}
    assert outcome(sidecar, request_id)["outcome"]["status"] == "backend_error"
