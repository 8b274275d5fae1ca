"""The simulator's faults, and the requests under /simulator that steer it."""

import asyncio
import json
from typing import Any

import httpx2
import orjson
import pytest
from gladly_fixtures import EMAIL, TOKEN, Gladly, listening
from hypothesis import given
from hypothesis import strategies as st

from sidecar.gladly.client import Client, UnreachableError
from sidecar.gladly.simulator import Fault, Faults
from sidecar.gladly.simulator.faults import read

CONTROL = "http://gladly.example/simulator"


def test_a_fault_strikes_the_requests_that_it_fits_and_is_then_used_up():
    gladly = Gladly(faults=Faults(Fault(verb="GET", path="/agents", times=2, status=503)))
    asked = [("POST", "/topics"), ("GET", "/inboxes"), ("GET", "/agents")]
    asked += [("GET", f"/agents/{gladly.id_of('agent/qa')}"), ("GET", "/agents")]
    statuses = [gladly(verb, path, json={}).status_code for verb, path in asked]
    assert statuses == [400, 200, 503, 503, 200]


def test_the_first_fault_that_fits_strikes_first():
    gladly = Gladly(faults=Faults(Fault(status=500), Fault(status=502), Fault(status=504)))
    assert [gladly("GET", "/agents").status_code for _ in range(4)] == [500, 502, 504, 200]


def test_a_fault_answers_whatever_it_is_told_to():
    page = Fault(status=200, body="<p>Hi</p>", media_type="text/html", headers={"X-From": "proxy"})
    gladly = Gladly(faults=Faults(page))
    answer = gladly("GET", "/agents")
    assert (answer.text, answer.headers["x-from"]) == ("<p>Hi</p>", "proxy")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["ratelimit-limit-second"] == "1000"


def test_a_fault_can_be_only_a_wait():
    gladly = Gladly(faults=Faults(Fault(wait=30)))
    assert gladly("GET", "/agents").json()
    assert gladly.pauses.taken == [30]


def test_a_fault_is_written_down_and_needs_no_credential():
    gladly = Gladly(auth=None, faults=Faults(Fault(status=418)))
    assert gladly("GET", "/agents").status_code == 418
    assert gladly.world.requests == [("GET", "/api/v1/agents")]


@pytest.mark.parametrize("keeps", [0, 5, 10_000])
def test_a_broken_answer_stops_where_it_is_told_to_and_does_not_end(keeps):
    gladly = Gladly(faults=Faults(Fault(keeps=keeps)))
    whole = Gladly()("GET", "/agents").content
    sent = asyncio.run(messages(gladly, "/api/v1/agents"))
    assert (sent[0]["status"], sent[0]["type"]) == (200, "http.response.start")
    assert dict(sent[0]["headers"])[b"content-length"] == str(len(whole)).encode()
    assert b"".join(part["body"] for part in sent[1:]) == whole[:keeps]
    assert all(part["more_body"] for part in sent[1:])


async def messages(gladly: Gladly, path: str) -> list[Any]:
    sent = []
    basic = httpx2.BasicAuth(EMAIL, TOKEN)._auth_header.encode()
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"authorization", basic)],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await gladly.app(scope, receive, send)
    return sent


@pytest.mark.sockets
def test_a_broken_answer_is_told_by_the_client_over_a_real_connection(tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    gladly = Gladly(faults=Faults(Fault(keeps=5)))

    async def ask(url: str) -> tuple[str, int]:
        client = Client(url, EMAIL, tmp_path / "token")
        try:
            with pytest.raises(UnreachableError, match="broke off") as broken:
                await client.call("GET", "/agents")
            return str(broken.value), (await client.call("GET", "/agents")).status
        finally:
            await client.aclose()

    with listening(gladly.app) as url:
        assert asyncio.run(ask(url))[1] == 200


# ---- control


def test_reset_puts_back_records_quotas_and_faults():
    gladly = Gladly(rate=1, faults=Faults(Fault(verb="PATCH", status=500)))
    first = Gladly().world.tables
    path = f"/customer-profiles/{gladly.id_of('customer/caller')}"
    for status in (500, 429):
        assert gladly("PATCH", path, json={"name": "X"}).status_code == status
    gladly.clock.advance(1)
    assert gladly("PATCH", path, json={"name": "X"}).status_code == 204
    assert gladly.world.tables != first
    assert gladly("POST", f"{CONTROL}/reset").status_code == 204
    assert gladly.world.tables == first
    assert gladly.world.requests == []
    for status in (500, 429):
        assert gladly("PATCH", path, json={"name": "X"}).status_code == status


def test_faults_are_replaced_and_told_while_they_wait():
    gladly = Gladly(faults=Faults(Fault(status=500)))
    new = [{"verb": "GET", "path": "/agents", "times": 2, "status": 503, "wait": 0.5}]
    assert gladly("PUT", f"{CONTROL}/faults", json=new).status_code == 204
    assert gladly("GET", "/agents").status_code == 503
    (waiting,) = gladly("GET", f"{CONTROL}/faults").json()
    assert waiting.items() >= (new[0] | {"times": 1}).items()
    assert gladly("PUT", f"{CONTROL}/faults", json=[waiting]).status_code == 204
    assert [gladly("GET", "/agents").status_code for _ in range(2)] == [503, 200]
    assert gladly("GET", f"{CONTROL}/faults").json() == []


def test_control_is_no_part_of_gladly():
    gladly = Gladly(rate=1, faults=Faults(Fault(status=500, times=9)))
    for _ in range(3):
        answer = gladly("GET", f"{CONTROL}/faults")
        assert answer.status_code == 200
        assert "ratelimit-limit-second" not in answer.headers
    assert gladly.world.requests == []


@pytest.mark.parametrize(
    ("verb", "path"), [("POST", "reset"), ("GET", "faults"), ("PUT", "faults")]
)
def test_control_needs_the_credential(verb, path):
    gladly = Gladly(auth=(EMAIL, "wrong"))
    assert gladly(verb, f"{CONTROL}/{path}", json=[]).status_code == 401


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        (b"{", "unexpected end"),
        ({}, "the faults are not a list"),
        (["GET"], "fault 1 is not an object"),
        ([{}, {"code": 500}], "fault 2 may have only body, headers, keeps, media_type, path"),
        ([{"verb": 7}], "fault 1: verb does not fit"),
        ([{"times": -1}], "fault 1: times does not fit"),
        ([{"times": None}], "fault 1: times does not fit"),
        ([{"times": True}], "fault 1: times does not fit"),
        ([{"status": 199}], "fault 1: status does not fit"),
        ([{"status": 600}], "fault 1: status does not fit"),
        ([{"wait": -1}], "fault 1: wait does not fit"),
        ([{"wait": 3601}], "fault 1: wait does not fit"),
        ([{"wait": True}], "fault 1: wait does not fit"),
        ([{"keeps": -1}], "fault 1: keeps does not fit"),
        ([{"media_type": "a\r\nb: c"}], "fault 1: media_type does not fit"),
        ([{"headers": {"X": "a\nb"}}], "fault 1: headers does not fit"),
        ([{"headers": {"": "a"}}], "fault 1: headers does not fit"),
        ([{"headers": []}], "fault 1: headers does not fit"),
    ],
)
def test_what_is_wrong_with_faults_is_told_and_the_old_ones_stay(faults, told):
    gladly = Gladly(faults=Faults(Fault(status=500)))
    content = faults if isinstance(faults, bytes) else json.dumps(faults)
    answer = gladly("PUT", f"{CONTROL}/faults", content=content)
    assert answer.status_code == 400
    assert told in answer.text
    assert gladly("GET", "/agents").status_code == 500


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(sorted(Fault.__slots__))


@given(st.lists(st.dictionaries(names | st.text(), values, max_size=4), max_size=3) | values)
def test_any_json_is_read_as_faults_or_refused(value):
    raw = json.dumps(value).encode()
    try:
        faults = read(raw)
    except ValueError:
        return
    assert [fault.times for fault in faults] == [row.get("times", 1) for row in value]
    for fault in faults:
        answer = fault.answer()
        assert (answer is None) == (fault.status is None)


good = st.builds(
    Fault,
    verb=st.sampled_from(["", "GET", "POST"]),
    path=st.text(),
    times=st.integers(1, 100),
    status=st.none() | st.integers(200, 599),
    body=st.text(),
    wait=st.floats(0, 3600),
    keeps=st.none() | st.integers(0, 1000),
)


@given(st.lists(good, max_size=4))
def test_what_waits_is_told_in_the_form_in_which_it_is_read(faults):
    assert read(orjson.dumps(Faults(*faults).waiting())) == tuple(faults)
