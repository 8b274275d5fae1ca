"""Hostile requests, as bytes on a socket, to the servers of three SDKs through a real sidecar.

The servers are as lenient as their SDK lets them be, and count which tools ran. The endpoint is
read-only, so that whatever else runs was let through. The same bytes are then sent to the servers
direct: what runs there shows that the cases bite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from flow import Flow, flow, token
from hostile import CASES
from hostile.lab import DISCOVERY, GOOD, SERVERS, Lab, Ran, Target, Tried, culprits
from hostile.request import Case, Site
from hostile.variants import variants
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import staged

from sidecar import audit

READ = "list_all_gladly_tasks"
TARGETS = (*SERVERS, DISCOVERY)
CHECKLIST = {f"A{n}" for n in range(1, 15)} | {f"B{n}" for n in range(1, 10)}


@dataclass(frozen=True)
class Trial:
    """All that happened at one server and its sidecar, which have stopped since."""

    tried: list[Tried]
    ran: Ran
    bitten: set[Case]
    log: Path


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trial]:
    """Everything is sent once for all tests; the direct sends come last."""
    with staged(Lab(tmp_path_factory.mktemp("lab"), *TARGETS)) as lab:
        through = {name: lab.targets[name].try_all() for name in TARGETS}
        bitten = {name: lab.targets[name].bitten() for name in SERVERS}
    return {
        name: Trial(*through[name], bitten.get(name, set()), lab.targets[name].sidecar.audit_log)
        for name in TARGETS
    }


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with staged(Lab(tmp_path_factory.mktemp("guarded"), "python")) as lab:
        yield lab.targets["python"]


def named(cases: list[Case]) -> list[str]:
    return [f"{case.line}: {case.name[:60]}" for case in cases]


def test_the_cases_are_many_distinct_and_cover_the_checklist():
    site = Site(1, "/mcp/token", "bearer", "mark")
    assert len({case.written(site) for case in CASES}) == len(CASES) >= 150
    assert len({(case.line, case.name) for case in CASES}) == len(CASES)
    assert {case.line for case in CASES} == CHECKLIST


@pytest.mark.sockets
@pytest.mark.parametrize("name", TARGETS)
def test_no_hostile_request_runs_a_refused_tool(trials, name):
    assert culprits(trials[name].ran) == []


@pytest.mark.sockets
@pytest.mark.parametrize("name", TARGETS)
def test_every_hostile_request_is_answered_or_its_connection_closed_in_time(trials, name):
    assert named([tried.case for tried in trials[name].tried if not tried.answer.is_given]) == []


@pytest.mark.sockets
@pytest.mark.parametrize("name", TARGETS)
def test_a_good_call_works_after_each_hostile_request(trials, name):
    trial = trials[name]
    assert named([t.case for t in trial.tried if b'"text":"done"' not in t.good.raw]) == []
    assert Counter(mark for _, mark in trial.ran)["good"] >= len(CASES)


@pytest.mark.sockets
@pytest.mark.parametrize("name", TARGETS)
def test_no_answer_shows_a_tool_that_the_caller_may_not_see(trials, name):
    shown = [tried.case for tried in trials[name].tried if b'"name":"create_a' in tried.answer.raw]
    assert named(shown) == []


@pytest.mark.sockets
@pytest.mark.parametrize("name", TARGETS)
def test_the_audit_log_holds_after_all_of_them_and_lacks_no_outcome(trials, name):
    found = audit.verify(trials[name].log)
    assert found.is_valid, found.problems
    assert found.has_clean_stop
    assert (found.open_intents, found.stray_outcomes) == ((), ())
    assert found.events > len(CASES)


@pytest.mark.sockets
def test_sent_direct_the_same_requests_do_run_the_refused_tool(trials, capsys):
    bitten = {name: trials[name].bitten for name in SERVERS}
    anywhere = set[Case]().union(*bitten.values())
    with capsys.disabled():
        print(f"\n{len(CASES)} hostile requests; sent direct, a refused tool runs")
        for name, cases in bitten.items():
            print(f"  on {name:12} for {len(cases):3}: {_by_line(cases)}")
        print(f"  on any of them  for {len(anywhere):3}; through the sidecar for none")
    assert len(anywhere) >= 20
    assert all(len(cases) >= 20 for cases in bitten.values())


def _by_line(cases: set[Case]) -> str:
    count = Counter(case.line for case in cases)
    return " ".join(f"{line}:{count[line]}" for line in sorted(count, key=_position))


def _position(line: str) -> tuple[str, int]:
    return line[0], int(line[1:])


async def posted(f: Flow, case: Case) -> httpx2.Response:
    """Post a case in process; Host and framing are the client's."""
    site = Site(80, f"/mcp/{f.tokens['read']}", token(), case.name)
    body = case.content(site)
    pairs = [line.split(": ", 1) for line in case.lines(site, len(body))]
    headers = [(key, value) for key, value in pairs if key not in {"Host", "Content-Length"}]
    return await f.http.post(site.path, content=body, headers=headers)


@pytest.mark.thorough
@pytest.mark.anyio
@given(cases=st.lists(variants(), min_size=1, max_size=10))
async def test_no_variant_of_a_refused_call_reaches_the_backend(tmp_path_factory, cases):
    async with flow(tmp_path_factory.mktemp("flow")) as f:
        for case in cases:
            await posted(f, case)
        assert f.backend.sent == []
        await posted(f, GOOD)
        assert [body["params"]["name"] for _, _, body in f.backend.sent] == [READ]


@pytest.mark.sockets
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=variants())
def test_no_variant_runs_a_refused_tool_over_a_socket(guarded, case):
    before = len(guarded.ran())
    assert guarded.through(case, "variant").is_given
    assert culprits(guarded.ran()[before:]) == []
