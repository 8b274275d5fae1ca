"""Where in a message a personal value hides. See `hostile_replies.py`."""

# ruff: noqa: E501 - one case, one line

from __future__ import annotations

import base64
from typing import Any, Final

from hostile_replies import (
    EMAIL,
    HIDDEN,
    JSON,
    NAME,
    PHONE,
    RECORD,
    RESULT,
    Case,
    Http,
    called,
    event,
    every,
    message,
    response,
    resumable,
    said,
    stream,
    text_of,
    tool,
)

_DONE = said("done")
_BLOB = base64.b64encode(EMAIL.encode()).decode()
_UTF7 = f"+{base64.b64encode(PHONE[1:].encode('utf-16-be')).decode().rstrip('=')}-"
_NUMBER = int(PHONE[1:])


def _call(name: str, body: bytes, **how: Any) -> Case:
    return Case(f"result: {name}", "call", Http(body=body, **how))


def _stream(name: str, body: bytes, **how: Any) -> Case:
    return Case(f"call stream: {name}", "call", stream(body, **how))


def _block(name: str, /, **block: Any) -> Case:
    return _call(f"block, {name}", called(content=[block]))


def _told(name: str, method: str, /, **params: Any) -> Case:
    """A notification ahead of the result."""
    return _stream(name, event(message(method=method, params=params)) + event(_DONE))


def _asked(name: str, method: str, /, **params: Any) -> Case:
    """A question of the backend ahead of the result."""
    return _stream(name, event(message(id="q", method=method, params=params)) + event(_DONE))


def _error(name: str, /, **error: Any) -> Case:
    return _call(f"error, {name}", response(error={"code": -32000, "message": "no", **error}))


def _resource(**members: Any) -> dict[str, Any]:
    return {"type": "resource", "resource": {"uri": "x://y", **members}}


RESULTS: Final = (
    _call("plain", RESULT),
    _call("structured alone", called(structuredContent=RECORD)),
    _call("text alone", said(text_of(RECORD))),
    _call("text and structure differ", said(text_of(RECORD), structuredContent={"result": []})),
    _call("structure and text differ", said("[]", structuredContent=RECORD)),
    _call("JSON in JSON in text", said(text_of(text_of({"mail": EMAIL, "phone": PHONE})))),
    _call("white space around the JSON", said(f"\n\t {text_of(RECORD)} \r\n")),
    _call("a key twice in the text", said(f'{{"note":"{EMAIL}","note":"x"}}')),
    _call("prose", said(f"Write to {EMAIL} or call {PHONE}.")),
    _call("escapes in the JSON of the text", said('{"note":"' + EMAIL.replace("@", "\\u0040") + '"}')),
    _call("structure of another case", response(result={"content": [], "StructuredContent": RECORD})),
    _call("an address in look-alike letters", said(EMAIL.replace("@", "＠"))),
    _call("zero width in the address", said(EMAIL.replace("@", "\u200b@"))),
    _call("an object's key", called(structuredContent={EMAIL: {PHONE: 1}})),
    _call("a number", called(structuredContent={"phone": _NUMBER, "phoneNumber": float(_NUMBER)})),
    _call("_meta", called(_meta={"seen": EMAIL, "phones": [PHONE]})),
    _call("an unknown member", called(extra={"seen": [EMAIL]})),
    _call("the old member toolResult", response(result={"toolResult": RECORD["result"][0]["emails"]})),
    _call("isError", said(f"no customer {EMAIL}", isError=True)),
    _call("a task instead", called(resultType="task", taskId="t", statusMessage=f"for {EMAIL}")),
    _call("a question instead", called(resultType="input_required", inputRequests={"q": {
        "method": "elicitation/create", "params": {"message": EMAIL, "requestedSchema": {"type": "object", "properties": {}}}}})),
    _call("a list of tools", response(result={"content": [], "tools": [tool(HIDDEN)]})),
    _call("names of record members in escapes", RESULT.replace(b'"name"', b'"n\\u0061me"')),
    _call("a lone surrogate", said("x").replace(b'"x"', b'"\\ud800 ' + EMAIL.encode() + b'"')),
    _call("invalid UTF-8", said("x").replace(b'"x"', b'"\xff ' + EMAIL.encode() + b'"')),
    _call("not a number", said(EMAIL, n=1).replace(b'"n":1', b'"n":NaN')),
    _call("a number without end", said(EMAIL, n=1).replace(b'"n":1', b'"n":' + b"1" * 5000)),
    _call("nested deeply", said(EMAIL, n=1).replace(b'"n":1', b'"n":' + b"[" * 900 + b"]" * 900)),
    _call("one string of a megabyte", said("x " * 600_000 + EMAIL)),
    _call("a type's parameter", RESULT, type=JSON + b"; owner=" + EMAIL.encode()),
    *(_call(f"header {name}", _DONE, headers=(f"{name}: {EMAIL}".encode(),))
      for name in ("set-cookie", "location", "www-authenticate", "x-owner", "allow", "retry-after",
                   "x-ratelimit-owner", "ratelimit-policy", "warning")),
    *(Case(f"result: header {name} of a stream", "call", stream(event(_DONE), headers=(f"{name}: {EMAIL}".encode(),)))
      for name in ("allow", "retry-after", "x-ratelimit-owner")),
    _block("resource link", type="resource_link", uri=f"mailto:{EMAIL}", name=EMAIL, description=PHONE),
    _block("embedded text", **_resource(text=f"for {EMAIL}", mimeType="text/plain")),
    _block("embedded JSON", **_resource(text=text_of(RECORD), mimeType="application/json")),
    _block("embedded base64", **_resource(blob=_BLOB, mimeType="text/plain")),
    _block("image", type="image", data=_BLOB, mimeType="image/png"),
    _block("audio", type="audio", data=_BLOB, mimeType="audio/wav"),
    _block("unknown type", type="note", note=EMAIL),
    _block("annotations", type="text", text="x", annotations={"for": EMAIL}, _meta={"for": PHONE}),
    _error("message", message=f"no such customer: {EMAIL}"),
    _error("data", data={"emails": [EMAIL], "phone": PHONE}),
    _error("a record as data", data=RECORD),
    _error("a message that is no text", message={"for": EMAIL}),
    _error("another member", reason=EMAIL),
    Case("result: error in a 404", "call", Http(response(error={"code": -32000, "message": EMAIL}), status=b"404 Not Found")),
    Case("result: error without an id", "call", Http(message(error={"code": -32000, "message": EMAIL}), status=b"400 Bad Request")),
    Case("result: page of a 404", "call", Http(EMAIL.encode(), type=b"text/plain", status=b"404 Not Found")),
    Case("result: page of a 429", "call", Http(EMAIL.encode(), type=b"text/plain", status=b"429 Slow"), stated=True),
    _stream("plain", event(RESULT)),
    _stream("one byte at a time", event(RESULT), cut=every(1)),
    _stream("a result in another event's name", b"event: " + EMAIL.encode() + b"\n" + event(_DONE)),
    _stream("an address as the type of an empty event", b"event: " + EMAIL.encode() + b"\ndata:\n\n" + event(_DONE)),
    _stream("comment", b": " + EMAIL.encode() + b"\n\n" + event(_DONE)),
    _stream("retry", b"retry: " + PHONE[1:].encode() + b"\n" + event(_DONE)),
    _stream("declared to be UTF-7", event(said(f"call {_UTF7}")), type=b"text/event-stream; charset=utf-7"),
    _stream("a second result", event(_DONE) + event(RESULT)),
    _stream("another's result first", event(RESULT.replace(b"@ID@", b'"other"')) + event(_DONE)),
    _told("progress", "notifications/progress", progressToken=0, progress=1, message=f"for {EMAIL}"),
    _told("log", "notifications/message", level="info", data={"to": EMAIL, PHONE: 1}),
    _told("logger", "notifications/message", level="info", logger=EMAIL, data="x"),
    _told("cancelled", "notifications/cancelled", requestId="0", reason=EMAIL),
    _told("resource", "notifications/resources/updated", uri=f"mailto:{EMAIL}"),
    _told("unknown notification", "notifications/own", note=EMAIL),
    _told("a notification's name", f"notifications/{EMAIL}"),
    _asked("sampling", "sampling/createMessage", maxTokens=9, messages=[{"role": "user", "content": {"type": "text", "text": EMAIL}}]),
    _asked("elicitation", "elicitation/create", message=f"Are you {EMAIL}?", requestedSchema={"type": "object", "properties": {}}),
    _asked("roots", "roots/list", note=EMAIL),
    _asked("ping", "ping", note=EMAIL),
    _asked("unknown question", "own/question", note=EMAIL),
    Case("resumed:result", "call", resumable("resumed:result"), stream(event(RESULT))),
    Case("resumed:result-of-another", "call", resumable("resumed:result-of-another"), stream(event(RESULT.replace(b"@ID@", b"4711")))),
    Case("listener: a result", "call", stream(b": wait\n\n"), aside=event(RESULT)),
    Case("listener: another's result", "call", stream(b": wait\n\n"), aside=event(RESULT.replace(b"@ID@", b'"4711"'))),
    Case("listener: a log", "call", stream(event(_DONE)), aside=event(message(method="notifications/message", params={"level": "info", "data": f"{EMAIL}"}))),
    Case("handle: the id of an event", "call", stream(b"id: " + EMAIL.encode() + b"\n" + event(_DONE)), stated=True),
    Case("handle: the session", "call", Http(_DONE, headers=(b"mcp-session-id: " + EMAIL.encode(),)), stated=True),
    Case("handle: a task", "call", Http(called(taskId=EMAIL, requestState=PHONE)), stated=True),
    Case("result: of a name", "call", Http(called(structuredContent={"result": [{"name": NAME}]}))),
)  # fmt: skip
