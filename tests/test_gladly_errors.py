"""Every error that Gladly documents, as a model reads it: through the backend and the sidecar.

A stub in Gladly's place answers each tool's own example with the documented status and body.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import flow
import httpx2
import pytest
from gladly_asks import OPERATIONS
from gladly_fixtures import EMAIL, TOKEN, catalog, listening
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from world import Everything, caller, logged, trusting

from sidecar.gladly import backend
from sidecar.gladly.client import Client

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

ROWS = {row.rest.operation: row for row in catalog().rows if row.rest}
ERRORS = [
    pytest.param(name, error, id=f"{name}-{number}-{error['status']}")
    for name, operation in OPERATIONS.items()
    for number, error in enumerate(operation.get("errors", ()))
]
STEPS = {
    "blank": "Something required is missing or empty. Fill it and call again.",
    "in_use": "Other records depend on it. Release those first.",
    "invalid": "Gladly does not accept this. Correct it and call again.",
    "invalid_state": "Bring about the state that it needs; repeating the call alone will not help.",
    "not_exist": "Look the id up again instead of repeating the call.",
    "present": "Gladly does not accept this here. Leave it out and call again.",
    "taken": "The id, name or contact is another record's. Use that record, or another value.",
    "temporary_failure": "Gladly cannot do it at the moment. Try again later.",
    "too_long": "Shorten the text and call again.",
    "version_outdated": "Somebody changed it meanwhile. Read it again, and send its new version.",
}
"""The next step by the code of the error, word for word."""

WITHOUT_CODE = {
    404: ("nothing has ", STEPS["not_exist"]),
    400: ("it gave no reason. ", ""),
}
"""What is said of an error without a body: the cause and the next step by its status."""


class Stub:
    """In Gladly's place: answers whatever it is asked with `answer`, and counts."""

    def __init__(self) -> None:
        self.answer = Response()
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.asked += 1
            await self.answer(scope, receive, send)


class Road:
    """An agent's way to the stub: an HTTP client, a sidecar and a backend."""

    def __init__(self, stub: Stub, world: Everything, http: httpx2.AsyncClient) -> None:
        self.stub, self.world, self._http = stub, world, http

    async def call(self, name: str, arguments: Any) -> tuple[str, Any]:
        """Call a tool; gives the words of its error, and the facts after them."""
        body, headers = flow.modern(flow.ask("tools/call", name=name, arguments=arguments))
        answer = await self._http.post(self.world.url("everything"), json=body, headers=headers)
        result = answer.json()["result"]
        assert result["isError"] is True
        (block,) = result["content"]
        words, brace, facts = block["text"].partition(" {")
        return words, json.loads(brace + facts)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def road(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Road]:
    stub, folder = Stub(), tmp_path_factory.mktemp("errors")
    (folder / "token").write_text(TOKEN)
    with listening(stub) as gladly:
        app = backend.app(Client(gladly, EMAIL, folder / "token"), catalog())
        with listening(app) as url:
            target = f"{url}{backend.PATH}"
            async with (
                Everything(folder, target, policy=trusting(folder)) as world,
                caller(world.bearer("admin", roles=("admin",))) as http,
            ):
                yield Road(stub, world, http)


def single(error: Any) -> list[Any]:
    """The single errors of a documented body, whichever of the three shapes it has."""
    body = error.get("body")
    inner = body.get("errors") if isinstance(body, dict) else body
    return inner if isinstance(inner, list) else [inner] if inner else []


def test_every_documented_code_has_its_sentence_here():
    codes = {one["code"] for case in ERRORS for one in single(case.values[1])}
    assert codes == STEPS.keys() | {"moved"}
    assert len(ERRORS) > 120


@pytest.mark.parametrize(("operation", "error"), ERRORS)
async def test_a_documented_error_reaches_the_model_with_its_cause_and_the_next_step(
    road, operation, error
):
    row, status, errors = ROWS[operation], error["status"], single(error)
    name, before = row.tool.name, road.stub.asked
    body = error.get("body")
    road.stub.answer = Response(status_code=status) if body is None else JSONResponse(body, status)
    words, facts = await road.call(name, row.examples[0].arguments)
    assert road.stub.asked == before + 1
    assert facts["status"] == status
    if errors and errors[0]["code"] == "moved":
        new = errors[0]["meta"]["new"]
        assert words == (
            "This customer was merged into another profile (moved): "
            f"the new id is {new}. Call {name} again with the new id."
        )
        return
    head = f"{name}: Gladly refused with status {status}: "
    if errors:
        causes = (one.get("detail") or f"{one['attr']} is {one['code']}" for one in errors)
        head += "; ".join(cause.rstrip(".") for cause in causes) + f". {STEPS[errors[0]['code']]}"
    else:
        cause, step = WITHOUT_CODE[status]
        head += cause
        assert words.endswith(step or (*row.constraints, "Do not repeat the call unchanged."))
    assert words.startswith(head)
    if {one["code"] for one in errors} & {"invalid", "invalid_state", "in_use"}:
        assert all(condition in words for condition in row.constraints)


async def test_an_errors_outcome_in_the_log_is_an_error_of_the_tool(road):
    road.stub.answer = JSONResponse({"errors": [{"code": "blank", "attr": "name"}]}, 400)
    words, facts = await road.call("get_single_gladly_customer_by_id", {"id": "someone"})
    assert STEPS["blank"] in words
    assert facts == {"status": 400, "code": "blank", "attr": "name"}
    assert logged(road.world)[-1]["outcome"]["status"] == "tool_error"
