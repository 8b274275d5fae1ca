"""`make bench` runs, and its numbers are numbers: tiny durations, everything real."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import payload, report

ROOT = Path(__file__).parents[1]
WAYS = {"direct", "pass-through", "sidecar, by path", "sidecar, in prose", "sidecar, clean"}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """One run of everything, as short as it can be."""
    file = tmp_path_factory.mktemp("bench") / "numbers.json"
    command = [sys.executable, "tests/bench.py", "--seconds", "0.1", "--rounds", "1"]
    done = subprocess.run(
        [*command, "--calls", "5", "--events", "500", "--json", str(file)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(file.read_text()) | {"printed": done.stdout}


@pytest.mark.sockets
def test_all_three_ways_give_the_expected_answer_to_every_request(found):
    assert found["ways"].keys() == WAYS
    assert found["wrong_answers"] == 0
    for way in found["ways"].values():
        assert way["wrong"] == 0
        assert way["right"] > 20  # the open loop alone asks 20 times


@pytest.mark.sockets
def test_what_is_measured_is_positive_and_in_order(found):
    for way in found["ways"].values():
        assert 0 < way["p50_us"] <= way["p99_us"]
        for key in ("cpu_us", "rps"):
            assert 0 < way[key]["min"] <= way[key]["median"] <= way[key]["max"]
    cpu = {name: way["cpu_us"]["median"] for name, way in found["ways"].items()}
    sidecar = [cost for name, cost in cpu.items() if name.startswith("sidecar")]
    assert cpu["direct"] < cpu["pass-through"] < min(sidecar)
    assert all(0 < mb < 1000 for mb in found["rss_mb"].values())
    assert all(ready["min"] > 0 for ready in found["ready_ms"].values())


@pytest.mark.sockets
def test_masking_has_its_cost_by_size_and_a_large_result_its_wait(found):
    assert found["redaction"]["cpu_us"].keys() == {"4 KB", "20 KB", "100 KB"}
    for row in found["redaction"]["cpu_us"].values():
        assert 0 < row["clean"] < min(row["by path"], row["in prose"])
    for one in found["redaction"]["large"].values():
        assert 0 < one["gap_ms"] <= one["took_ms"]
    assert "longest wait of the event loop" in found["printed"]


@pytest.mark.sockets
def test_verifying_has_its_cost_for_a_remembered_and_a_new_token_and_many_endpoints(found):
    assert len(found["verify_us"]) == 5
    assert all(0 < took < 1e6 for took in found["verify_us"].values())
    for name in found["verify_us"]:
        assert name in found["printed"]


@pytest.mark.sockets
def test_recording_has_its_cost_alone_and_when_two_hundred_wait(found):
    assert len(found["audit_commits"]) == 4
    for name, one in found["audit_commits"].items():
        assert name in found["printed"]
        assert 0 < one["p50_ms"] <= one["p99_ms"]
        assert one["cpu_us"] > 0


@pytest.mark.sockets
def test_a_long_log_has_its_time_to_be_verified_and_reported_on(found):
    took = found["review_s"]
    assert took.pop("events") == 500
    assert len(took) == 4
    assert all(number > 0 for number in took.values())
    assert "report on one subject" in found["printed"]


@pytest.mark.sockets
def test_every_step_of_the_road_has_its_cost_and_the_report_names_it(found):
    steps = found["steps_us"]
    assert steps.keys() == payload.CALLS.keys()
    for one in steps.values():
        assert len(one) == 11
        assert all(cost > 0 for cost in one.values())
        assert one["whole road"] == pytest.approx(sum(list(one.values())[:-1]))
    for word in [*WAYS, *steps["clean"], "noise", "times the CPU"]:
        assert word in found["printed"]


@pytest.mark.sockets
def test_a_decision_has_its_cost_by_each_engine_for_a_call_and_for_a_list(found):
    assert "embedded" in found["decide_us"]
    for engine, took in found["decide_us"].items():
        assert engine in found["printed"]
        assert list(took) == ["a call", "a list of 120"]
        assert all(0 < one < 1e7 for one in took.values())


@pytest.mark.sockets
def test_the_audit_log_has_its_cost_for_each_event_of_a_call(found):
    assert found["audit_us"].keys() == payload.CALLS.keys()
    for one in found["audit_us"].values():
        assert one["intent"] > 0
        assert one["outcome"] > 0
        assert one["whole call"] == pytest.approx(one["intent"] + one["outcome"])
    assert "CPU µs of the audit log" in found["printed"]


def test_the_report_says_when_nothing_could_be_pinned():
    spread = {"median": 1.0, "min": 1.0, "max": 1.0}
    way = {"cpu_us": spread, "rps": spread, "p50_us": 1.0, "p99_us": 2.0}
    text = report.text(
        {
            "cores": {"proxy": None, "load_and_backend": None},
            "plan": {"rounds": 1, "seconds": 1},
            "payload_bytes": {},
            "python": "3.11",
            "reference_loop_ms": spread,
            "ways": {"direct": way, "pass-through": way},
            "ready_ms": {},
            "rss_mb": {},
            "steps_us": {"clean": {"verify": 1.0, "whole road": 2.0}},
            "decide_us": {},
            "audit_us": {},
            "redaction": {"cpu_us": {"4 KB": {"clean": 1.0}}, "large": {}},
            "verify_us": {},
            "watch_us": {},
            "audit_commits": {},
            "review_s": {"events": 2, "megabytes": 1.0, "verify": 1.0},
        }
    )
    assert "not pinned" in text


@pytest.mark.parametrize("name", payload.CALLS)
def test_the_answers_are_about_as_long_as_announced_and_found_by_the_call(name):
    assert 3500 < len(payload.ANSWERS[name]) < 4100
    assert payload.answer_to(payload.CALLS[name]) == payload.ANSWERS[name]


def test_an_answer_in_which_one_value_is_left_does_not_count_as_masked():
    original = payload.ANSWERS["by path"]
    assert not payload.is_masked(original, original)
    almost = original + b"[EMAIL]" * (payload.SPANS - 1)
    assert not payload.is_masked(almost, original)
    assert payload.is_masked(almost + b"[PHONE:...2610]", original)


@pytest.mark.sockets
def test_counting_and_tracing_have_their_cost(found):
    assert len(found["watch_us"]) == 4
    assert all(0 < took < 1e6 for took in found["watch_us"].values())
    for name in found["watch_us"]:
        assert name in found["printed"]
