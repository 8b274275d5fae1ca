"""What Gladly gives in bulk, in the simulator: export files, events, reports."""

import csv
import io
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from gladly_fixtures import Gladly
from hypothesis import given
from hypothesis import strategies as st

from sidecar.gladly.simulator.call import moment, written

DAYS = {"metricSet": "ContactSummaryReport", "startAt": "2026-11-01", "endAt": "2026-11-05"}
ENTITIES = [
    "AGENT_AVAILABILITY",
    "AGENT_STATUS",
    "CONTACT",
    "CONVERSATION",
    "CUSTOMER",
    "PAYMENT_REQUEST",
    "TASK",
]
BOTH = ["finished", "running"]


@pytest.fixture
def gladly() -> Gladly:
    return Gladly()


def rows(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.text)))


def lines(answer) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines()]


# ---- exports


def test_the_files_of_a_job_are_those_that_it_names(gladly):
    job = gladly("GET", f"/export/jobs/{gladly.id_of('job/finished')}").json()
    names = ["agents.jsonl", "customers.jsonl", "conversation_items.jsonl", "topics.jsonl"]
    assert job["files"] == names
    counts = {}
    for name in names:
        answer = gladly("GET", f"/export/jobs/{job['id']}/files/{name}")
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        counts[name] = len(lines(answer))
    world = gladly.world.tables
    shown = len(world["items"]) - 1
    assert list(counts.values()) == [3, len(world["customers"]), shown, 3]


def test_exported_profiles_have_flat_contacts(gladly):
    path = f"/export/jobs/{gladly.id_of('job/finished')}/files/customers.jsonl"
    mara = lines(gladly("GET", path))[0]
    assert mara["emailAddresses"] == ["mara.lindqvist@example.com", "mara.lindqvist@work.example"]
    assert mara["phoneNumbers"] == ["+14155550198", "+14155550177"]
    assert not {"emails", "phones", "image", "customAttributes"} & mara.keys()


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ({}, BOTH),
        ({"status": "COMPLETED"}, ["finished"]),
        ({"status": "FAILED"}, []),
        (
            {"startAt": "2026-11-01T00:00:00Z", "endAt": "2026-11-02T00:00:00Z"},
            ["finished", "running"],
        ),
        ({"startAt": "2026-11-02T00:00:00Z"}, []),
        ({"endAt": "2026-11-01T00:00:00Z"}, []),
        ({"startAt": "2026-11-01T00:10:00Z", "endAt": "2026-11-01T00:10:00Z"}, BOTH),
    ],
)
def test_jobs_are_found_by_status_and_time(gladly, query, labels):
    found = gladly("GET", "/export/jobs", params=query).json()
    assert [job["id"] for job in found] == [gladly.id_of(f"job/{label}") for label in labels]
    assert gladly.id_of("schedule") == gladly("GET", "/export/schedules").json()[0]["id"]


def test_a_running_job_stays_and_a_finished_one_goes_with_its_files(gladly):
    running, finished = (
        f"/export/jobs/{gladly.id_of(f'job/{x}')}" for x in ("running", "finished")
    )
    answer = gladly("DELETE", running)
    assert (answer.status_code, answer.json()[0]["code"]) == (400, "temporary_failure")
    assert gladly("GET", running).json()["files"] == []
    assert gladly("DELETE", finished).status_code == 204
    assert gladly("DELETE", finished).status_code == 404
    assert gladly("GET", f"{finished}/files/agents.jsonl").status_code == 404


# ---- events


def events(gladly: Gladly, start: str, end: str | None = None, *entities: str):
    query = {"startAt": start, "entities": list(entities) or ENTITIES}
    return gladly("GET", "/events", params=query | ({"endAt": end} if end else {}))


def test_events_of_a_day_come_in_order_and_only_of_what_was_asked(gladly):
    all_of_them = lines(events(gladly, "2026-11-09T12:00:00Z"))
    times = [e["timestamp"] for e in all_of_them]
    assert times == sorted(times)
    assert {e["type"].partition("/")[0] for e in all_of_them} == set(ENTITIES)
    tasks = lines(events(gladly, "2026-11-09T12:00:00Z", None, "TASK"))
    assert tasks == [e for e in all_of_them if e["type"].startswith("TASK/")]
    assert {e["content"]["taskId"] for e in tasks} == {gladly.id_of("task/qa")}


def test_an_event_keeps_its_id_and_time_however_often_and_whenever_it_is_asked_for(gladly):
    window = "2026-11-10T08:00:00Z", "2026-11-10T09:00:00Z"
    first = events(gladly, *window).text
    gladly.clock.advance(3600)
    assert events(gladly, *window).text == first != ""


def test_events_are_fifteen_seconds_late_and_none_is_of_the_future(gladly):
    gladly.clock.now = datetime.fromisoformat("2026-11-10T12:20:10Z")
    before = len(lines(events(gladly, "2026-11-10T12:10:00Z")))
    gladly.clock.advance(5)
    after = events(gladly, "2026-11-10T12:10:00Z", "2026-11-11T12:10:00Z")
    assert (before, len(lines(after))) == (0, 1)


@pytest.mark.parametrize(
    "query",
    [
        {"entities": "TASK"},
        {"startAt": "2026-11-10T00:00:00Z"},
        {"startAt": "yesterday", "entities": "TASK"},
        {"startAt": "2026-11-09T11:59:59Z", "entities": "TASK"},
        {"startAt": "2026-11-10T00:00:00Z", "entities": "WEATHER"},
        {"startAt": "2026-11-10T00:00:00Z", "entities": "TASK", "endAt": "later"},
        {"startAt": "2026-11-10T13:00:00Z", "entities": "TASK"},
    ],
)
def test_what_events_are_refused_for(gladly, query):
    assert gladly("GET", "/events", params=query).status_code == 400


@given(st.text() | st.integers() | st.none())
def test_no_text_makes_the_reader_of_times_raise(value):
    read = moment(value)
    assert read is None or read.utcoffset() == timedelta(0)


@given(st.datetimes(timezones=st.timezones() | st.none()))
def test_a_time_is_read_back_as_it_was_written(at):
    read = moment(at.isoformat())
    assert read is None or moment(written(read)) == read.replace(
        microsecond=read.microsecond // 1000 * 1000
    )


# ---- reports


def test_a_report_on_contacts_has_the_customers_contact_data(gladly):
    answer = gladly("POST", "/reports", json=DAYS)
    name = "ContactSummaryReport-20261101-20261105-Daily.csv"
    assert answer.headers["content-disposition"] == f"attachment; filename={name}"
    (row,) = [r for r in rows(answer) if r["Customer Name"] == "Mara Lindqvist"]
    assert row["Customer Phone"] == "+14155550198"
    assert row["Customer Email"] == "mara.lindqvist@example.com"
    assert row["Agent Name"] == "Rui Tanaka"


def test_reports_on_agents_and_on_tasks_have_their_own_columns(gladly):
    agents = rows(gladly("POST", "/reports", json=DAYS | {"metricSet": "AgentSummary"}))
    assert {r["Agent Email"] for r in agents} > {"rui.tanaka@sample-store.example"}
    tasks = rows(gladly("POST", "/reports", json=DAYS | {"metricSet": "TaskExportReport"}))
    assert {r["Task ID"] for r in tasks} == {
        gladly.id_of(f"task/{x}") for x in ("qa", "done", "commented")
    }


def test_text_with_commas_quotes_and_lines_stays_in_its_cell(gladly):
    task = gladly.world.tables["tasks"][gladly.id_of("task/qa")]
    body = 'A "quote", a comma,\nand a line'
    gladly.world.put("tasks", task | {"body": body})
    tasks = rows(gladly("POST", "/reports", json=DAYS | {"metricSet": "TaskExportReport"}))
    assert body in {r["Content"] for r in tasks}


def test_a_report_without_rows_still_names_its_columns(gladly):
    whole = gladly("POST", "/reports", json=DAYS).text
    empty = gladly("POST", "/reports", json=DAYS | {"startAt": "2020-01-01", "endAt": "2020-01-02"})
    assert empty.text == whole.splitlines(keepends=True)[0]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"metricSet": "a set"}, "invalid"),
        ({"startAt": "2026-11-01T00:00:00Z"}, "invalid"),
        ({"startAt": "2026-W45-1"}, "invalid"),
        ({"startAt": "2026-02-30"}, "invalid"),
        ({"endAt": None}, "invalid"),
        ({"endAt": "2026-10-01"}, "invalid"),
        ({"filters": "all"}, "invalid"),
        ({"filters": {"teams": ["x"]}}, "present"),
        ({"filters": {"inboxes": "x"}}, "present"),
        ({"aggregationLevel": 7}, "invalid"),
    ],
)
def test_what_a_report_is_refused_for(gladly, changes, code):
    answer = gladly("POST", "/reports", json=DAYS | changes)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)


def test_filters_that_fit_are_taken(gladly):
    filters = {
        "inboxes": [gladly.id_of("inbox/support")],
        "teams": [gladly.id_of("team/support")],
        "phoneNumber": "+14155550100",
    }
    body = DAYS | {"metricSet": "IvrEndStatesReportV2", "filters": filters}
    assert gladly("POST", "/reports", json=body).status_code == 200


def test_a_work_session_belongs_to_when_it_ended_or_else_began(gladly):
    sms, waiting = (gladly.id_of(f"conversation/{x}") for x in ("sms", "waiting"))
    for start, found in (
        ("2026-11-02T02:00-08:00", [sms, waiting]),
        ("2026-11-02T10:01Z", [waiting]),
    ):
        body = {"startAtTime": start, "endAtTime": "2026-11-03T10:00Z"}
        answer = gladly("POST", "/reports/work-session-events", json=body)
        assert [r["conversation_id"] for r in rows(answer)] == found
    assert rows(answer)[0]["contact_session_ended_at"] == ""
    assert gladly("POST", "/reports/work-session-events", json={}).status_code == 400
