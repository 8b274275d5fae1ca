"""Whatever a body or a query holds, it is answered, and what was taken can be read again."""

import json
from typing import Any

import orjson
import pytest
from gladly_asks import OPERATIONS, SUCCESSES, resolved
from gladly_fixtures import Clock, Gladly
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from sidecar.gladly.simulator import World
from sidecar.gladly.simulator.call import Call
from sidecar.gladly.simulator.routes import ENDPOINTS

pytestmark = pytest.mark.thorough

GLADLY = Gladly()


def routed(*verbs: str) -> list[Any]:
    return [
        pytest.param(operation, path, endpoint, id=operation)
        for operation, (verb, path, endpoint) in zip(OPERATIONS, ENDPOINTS, strict=True)
        if verb in verbs
    ]


def names_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    return set().union(*map(names_in, value)) if isinstance(value, list) else set()


def leaves_in(value: Any) -> set[str]:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return set().union(*map(leaves_in, inner))
    return {value} if isinstance(value, str) else set()


BODIES = [resolved(GLADLY, ask.body) for ask in SUCCESSES.values()]
NAMES = sorted(set().union(*map(names_in, BODIES)) | {"id", "message", "primary", "agentId"})
TEXTS = sorted(set().union(*map(leaves_in, BODIES)) | {"CLOSED", "OPEN", "", " ", "x" * 51})
PARAMETERS = sorted({name for ask in SUCCESSES.values() for name in ask.query} | {"endAt", "lng"})
WORDS = sorted(set().union(*(leaves_in(ask.query) for ask in SUCCESSES.values())))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(TEXTS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=12,
)


@st.composite
def altered(draw: st.DrawFn, body: Any) -> Any:
    """A body that would do, with any parts of it replaced by anything."""
    if draw(st.integers(0, 9)) == 0:
        return draw(values)
    if isinstance(body, dict):
        more = draw(st.dictionaries(st.sampled_from(NAMES), values, max_size=1))
        return {key: draw(altered(value)) for key, value in body.items()} | more
    if isinstance(body, list):
        return [draw(altered(value)) for value in body]
    return body


@pytest.mark.thorough
@pytest.mark.parametrize(("operation", "path", "endpoint"), routed("POST", "PUT", "PATCH"))
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_body_is_answered_and_what_was_taken_is_read_again(operation, path, endpoint, data):
    good = resolved(GLADLY, SUCCESSES[operation].body or {})
    body = data.draw(altered(good).filter(lambda drawn: isinstance(drawn, dict)))
    world = copied()
    read = orjson.loads(json.dumps(body))
    ids = ids_in(operation, path)
    answer = endpoint(Call(world, ids, QueryParams(), read, Clock().now, "http://x.example"))
    assert answer.status_code in {200, 201, 204, 400, 409}
    if "location" in answer.headers:
        again = Gladly(world=world)("GET", answer.headers["location"].removeprefix("/api/v1"))
        assert again.status_code == 200
    if answer.status_code < 400:
        orjson.dumps(world.tables)


@pytest.mark.parametrize(("operation", "path", "endpoint"), routed("GET"))
@settings(max_examples=20, deadline=None)
@given(query=st.lists(st.tuples(st.sampled_from(PARAMETERS), st.text() | st.sampled_from(WORDS))))
def test_any_query_is_answered(operation, path, endpoint, query):
    ids = ids_in(operation, path)
    call = Call(GLADLY.world, ids, QueryParams(query), {}, Clock().now, "http://x.example")
    assert endpoint(call).status_code in {200, 303, 400, 404}


def ids_in(operation: str, path: str) -> dict[str, str]:
    """What stands in the braces of a request that succeeds."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return dict(zip(names, resolved(GLADLY, list(SUCCESSES[operation].ids)), strict=True))


def copied() -> World:
    """The seeded world, without making it anew: records are never changed in place."""
    world = World.__new__(World)
    world.__dict__ |= GLADLY.world.__dict__
    world.tables = {name: dict(table) for name, table in GLADLY.world.tables.items()}
    return world


def test_no_record_was_changed_in_place():
    assert GLADLY.world.tables == World.seeded().tables
