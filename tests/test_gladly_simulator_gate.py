"""What is around every request to the simulator: credential, rate limits, latency, the record."""

import asyncio

import httpx2
import pytest
from gladly_fixtures import EMAIL, TOKEN, Clock, Gladly, Pauses

from sidecar.gladly.simulator import THROTTLED, simulator, utc_now

REPORT = {"metricSet": "AgentSummary", "startAt": "2026-11-01", "endAt": "2026-11-02"}


def test_without_the_right_credential_the_answer_is_401_without_a_body():
    for auth in (None, (EMAIL, "wrong"), ("other@sample-store.example", TOKEN)):
        answer = Gladly(auth=auth)("GET", "/organization")
        assert (answer.status_code, answer.content) == (401, b"")
        assert "ratelimit-limit-second" in answer.headers


@pytest.mark.parametrize("content", [b"{", b"[]", b'"x"', b"[" * 100_000, b'{"a":NaN}', b"\xff"])
def test_a_body_that_is_no_json_object_is_400(content):
    gladly = Gladly()
    answer = gladly("POST", "/customer-profiles", content=content)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [("GET", "/nowhere", 404), ("PUT", "/agents", 405), ("GET", "/agents/", 404)],
)
def test_what_gladly_does_not_have_is_not_there(verb, path, status):
    assert Gladly()(verb, path).status_code == status


def test_the_world_remembers_raw_paths_and_forgets_on_reset():
    gladly = Gladly()
    gladly("GET", "/agents/%2e%2e%2finboxes")
    assert gladly.world.requests == [("GET", "/api/v1/agents/%2e%2e%2finboxes")]
    gladly.world.reset()
    assert gladly.world.requests == []


def test_the_clock_is_the_real_one_unless_it_is_replaced():
    assert utc_now().utcoffset() is not None
    assert simulator().routes


# ---- requests a second


def test_each_method_has_its_own_ten_requests_a_second():
    gladly = Gladly(rate=10)
    left = [gladly("GET", "/agents").headers["ratelimit-remaining-second"] for _ in range(10)]
    assert left == [str(n) for n in range(9, -1, -1)]
    over = gladly("GET", "/agents")
    assert (over.status_code, over.content) == (429, THROTTLED)
    assert over.headers["retry-after"] == "1"
    assert over.headers["ratelimit-limit-second"] == "10"
    assert over.headers["ratelimit-remaining-second"] == "0"
    assert gladly("DELETE", "/export/jobs/x").status_code == 404
    gladly.clock.advance(0.1)
    assert gladly("GET", "/agents").status_code == 200
    assert gladly("GET", "/agents").status_code == 429
    gladly.clock.advance(60)
    assert gladly("GET", "/agents").headers["ratelimit-remaining-second"] == "9"


def test_retry_after_can_be_left_out_as_gladly_documents_none():
    gladly = Gladly(rate=1, has_retry_after=False)
    gladly("GET", "/agents")
    assert "retry-after" not in gladly("GET", "/agents").headers


# ---- reports a minute, and at once


def test_ten_reports_a_minute_are_counted_besides_the_seconds():
    gladly = Gladly(reports_per_minute=10)
    paths = ("/reports", "/reports/work-session-events")
    statuses = [gladly("POST", paths[n % 2], json=REPORT).status_code for n in range(10)]
    assert set(statuses) == {200, 400}
    over = gladly("POST", "/reports", json=REPORT)
    assert (over.status_code, over.content) == (429, THROTTLED)
    assert over.headers["retry-after"] == "6"
    assert over.headers["ratelimit-remaining-second"] != "0"
    assert gladly("POST", "/topics", json={"name": "Sizes"}).status_code == 201
    gladly.clock.advance(6)
    assert gladly("POST", "/reports", json=REPORT).status_code == 200
    assert gladly("POST", "/reports", json=REPORT).status_code == 429


def test_a_request_without_a_credential_takes_no_report():
    gladly = Gladly(reports_per_minute=1)
    gladly.auth = None
    assert gladly("POST", "/reports", json=REPORT).status_code == 401
    gladly.auth = (EMAIL, TOKEN)
    assert gladly("POST", "/reports", json=REPORT).status_code == 200


def test_only_two_reports_run_at_once():
    async def run() -> list[int]:
        running, go = asyncio.Semaphore(0), asyncio.Event()

        async def held(_: float) -> None:
            running.release()
            await go.wait()

        app = simulator(None, (EMAIL, TOKEN), rate=100, latency=1.0, clock=Clock(), pause=held)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://gladly.example/api/v1", auth=(EMAIL, TOKEN)
        ) as http:
            two = [asyncio.create_task(http.post("/reports", json=REPORT)) for _ in range(2)]
            for _ in two:
                await running.acquire()
            third = await http.post("/reports", json=REPORT)
            go.set()
            done = await asyncio.gather(*two)
            fourth = await http.post("/reports", json=REPORT)
        return [answer.status_code for answer in (*done, third, fourth)]

    assert asyncio.run(run()) == [200, 200, 429, 200]


# ---- latency


def test_every_answer_takes_its_time_and_a_refusal_does_not():
    gladly = Gladly(latency=0.25)
    for _ in range(2):
        gladly("GET", "/agents")
    assert gladly.pauses.taken == [0.25, 0.25]
    gladly.auth = None
    gladly("GET", "/agents")
    assert len(gladly.pauses.taken) == 2


def test_jitter_comes_from_the_seed_and_stays_within_its_bound():
    def taken() -> list[float]:
        gladly = Gladly(latency=1.0, jitter=0.5, pauses=Pauses())
        for _ in range(5):
            gladly("GET", "/agents")
        return gladly.pauses.taken

    first = taken()
    assert first == taken()
    assert len(set(first)) == 5
    assert all(1.0 <= seconds < 1.5 for seconds in first)
