"""What a monitoring system is told: counts, read fresh at each scrape, and no names.

Over 300 lines: each family has its claim.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flow import (
    CATALOG,
    JSON,
    Backend,
    ask,
    call,
    event,
    flow,
    modern,
    result,
    stream,
    token,
    tool_list,
    tool_result,
)
from prometheus_client.parser import text_string_to_metric_families
from test_audit_event import intent

from sidecar import __version__, audit, metrics
from sidecar.catalog import Reviewed
from sidecar.errors import BackendFailed, BackendTimedOut, OrganDown
from sidecar.metrics import AuditHealth, Counts, Exported, Metrics, Sink, Sources
from sidecar.model import Reply
from sidecar.monitoring import audit_health
from sidecar.policy import Standing

pytestmark = pytest.mark.anyio

READ = "get_single_gladly_customer_by_id"
MASKED = {"emailAddresses": ["jane.roe@example.com"], "note": "mail jane.roe@example.com"}
CANARY = "c4n4ry"


def read(counts: Counts, sources: Sources | None = None) -> dict[tuple[str, ...], float]:
    """Every sample: the metric's name and its labels' values, and the number."""
    text = Metrics(counts, sources or Sources()).text().decode()
    labels = {one.name.removesuffix("_total"): (*one.labels, "le") for one in metrics.FAMILIES}
    return {
        (sample.name, *(sample.labels[k] for k in labels[family.name] if k in sample.labels)): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(found: dict[tuple[str, ...], float], name: str) -> dict[tuple[str, ...], float]:
    """The samples of one name, by the values of their labels."""
    return {key[1:]: value for key, value in found.items() if key[0] == name}


def test_tools_that_changed_are_counted_as_they_are_now():
    reviewed = Reviewed(CATALOG)
    sources = Sources(drift=lambda: reviewed.drift)
    reviewed.see([{"name": "tool_a", "description": "x"}, {"name": "tool_b"}])
    assert set(of(read(Counts(), sources), "sidecar_tools_drifted").values()) == {0.0}
    reviewed.see([{"name": "tool_a", "description": "y"}, {"name": "tool_c"}, {"name": "tool_d"}])
    assert of(read(Counts(), sources), "sidecar_tools_drifted") == {
        ("added",): 2.0,
        ("changed",): 1.0,
        ("removed",): 1.0,
    }
    assert b"tool_" not in Metrics(Counts(), sources).text()


async def test_each_request_is_counted_once_by_what_became_of_it(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result({"id": "x"})
        await f.ask(call(READ, id="x"))
        f.backend.reply = tool_result(MASKED)
        await f.ask(call(READ, id="x"))
        await f.ask(call("create_a_gladly_customer"), endpoint="read")
        await f.ask(call(READ, id="x"), bearer="nonsense")
        await f.ask(call(READ, id="x"), endpoint="expired")
        await f.ask(b"{")
        f.backend.reply = Reply(429, (("retry-after", "1"), *JSON), b"{}")
        await f.ask(call(READ, id="x"), endpoint="read")
        f.backend.reply = BackendTimedOut("late")
        await f.ask(call(READ, id="x"))
        found = read(f.counts)
        assert of(found, "sidecar_requests_total") == {
            ("default", "allowed", "2xx"): 1,
            ("default", "masked", "2xx"): 1,
            ("default", "refused", "2xx"): 1,
            ("none", "refused", "4xx"): 2,
            ("default", "refused", "4xx"): 1,
            ("default", "rate_limited", "4xx"): 1,
            ("default", "error", "5xx"): 1,
        }
        kinds = {("denied",): 1, ("unauthenticated",): 1, ("not_found",): 1, ("malformed",): 1}
        assert of(found, "sidecar_refusals_total") == kinds
        assert of(found, "sidecar_failures_total") == {("default", "backend_timed_out"): 1}
        assert of(found, "sidecar_backend_requests_total") == {
            ("default", "answered"): 2,
            ("default", "rate_limited"): 1,
            ("default", "timed_out"): 1,
        }
        assert of(found, "sidecar_results_total") == {("clean",): 1, ("masked",): 1}
        assert of(found, "sidecar_masked_total")["EMAIL",] >= 2


async def test_a_flood_of_strangers_is_counted_one_by_one(tmp_path):
    async with flow(tmp_path) as f:
        for _ in range(20):
            await f.ask(call(READ), bearer=None)
        assert of(read(f.counts), "sidecar_refusals_total") == {("unauthenticated",): 20}
        assert len(f.events()) == 1


async def test_what_fails_is_counted_by_its_reason_and_a_withheld_result_as_such(tmp_path):
    async with flow(tmp_path) as f:
        for failure in (
            BackendFailed("x", reason="redaction_residual"),
            BackendFailed("x", reason="stream_cut"),
            OrganDown("x", reason="policy_timed_out"),
        ):
            f.backend.reply = failure
            await f.ask(call(READ, id="x"))
        found = read(f.counts)
        assert of(found, "sidecar_failures_total") == {
            ("default", "redaction_residual"): 1,
            ("default", "stream_cut"): 1,
            ("default", "policy_timed_out"): 1,
        }
        assert of(found, "sidecar_results_total") == {("withheld",): 1}


async def test_a_call_that_cannot_be_recorded_is_counted_all_the_same(tmp_path):
    async with flow(tmp_path) as f:
        f.writer.close()
        assert (await f.ask(call(READ, id="x"))).status_code == 503
        found = read(f.counts)
        assert of(found, "sidecar_failures_total") == {("default", "audit_unwritable"): 1}
        assert sum(of(found, "sidecar_requests_total").values()) == 1
        assert of(found, "sidecar_backend_requests_total") == {}


async def test_a_call_that_is_broken_off_is_counted_as_cancelled(tmp_path):
    async with flow(tmp_path) as f:
        reached = asyncio.Event()

        async def hang(*_: object) -> Reply:
            reached.set()
            await asyncio.Event().wait()
            raise AssertionError

        f.backend.reply = hang
        task = asyncio.create_task(f.ask(call(READ, id="x")))
        await asyncio.wait_for(reached.wait(), 5)
        task.cancel()
        await asyncio.wait({task})
        found = read(f.counts)
        assert of(found, "sidecar_requests_total") == {("default", "cancelled", "none"): 1}
        assert of(found, "sidecar_backend_requests_total") == {("default", "broken_off"): 1}


async def test_a_stream_is_counted_while_it_is_open_and_once_when_it_ends(tmp_path):
    async with flow(tmp_path) as f:
        final = {"jsonrpc": "2.0", "id": 1, "result": {"content": [], "structuredContent": MASKED}}
        f.backend.reply = stream(event(final))
        body, headers = modern(call(READ, id="x"))
        seen: list[int] = []
        relay = f.road._inspector._event

        async def watched(exchange, event):
            seen.append(f.road.open_streams)
            return await relay(exchange, event)

        f.road._inspector._event = watched  # type: ignore[method-assign]  # looks, and goes on
        await f.ask(body, headers=headers)
        assert (seen, f.road.open_streams) == ([1], 0)
        found = read(f.counts, Sources(streams=lambda: f.road.open_streams))
        assert found["sidecar_streams_open",] == 0
        assert of(found, "sidecar_requests_total") == {("default", "masked", "2xx"): 1}
        assert found["sidecar_seconds_count", "redact"] == 1


async def test_each_part_of_a_call_is_timed_and_what_did_not_happen_is_not(tmp_path):
    async with flow(tmp_path) as f:
        f.backend.reply = tool_result({"id": "x"})
        await f.ask(call(READ, id="x"))
        await f.ask(call(READ), bearer=None)
        found = read(f.counts)
        assert {
            part: n for (part,), n in of(found, "sidecar_seconds_count").items()
        } == dict.fromkeys(("whole", "decide", "record", "backend", "redact"), 1)
        parts = sum(v for (part,), v in of(found, "sidecar_seconds_sum").items() if part != "whole")
        assert 0 < parts <= found["sidecar_seconds_sum", "whole"]
        assert found["sidecar_seconds_bucket", "whole", "+Inf"] == 1


async def test_who_eats_a_shared_quota_is_told_by_account(tmp_path):
    others = {"emea": Backend()}
    async with flow(tmp_path, accounts=others) as f:
        limits = (("ratelimit-limit-second", "10"), ("ratelimit-remaining-second", "3"))
        f.backend.reply = result({"content": []})
        await f.ask(call(READ, id="x"))
        told = tool_result({"id": "x"})
        others["emea"].reply = Reply(200, (*told.headers, *limits), told.body)
        await f.ask(call(READ, id="x"), endpoint="emea")
        found = read(f.counts)
        assert of(found, "sidecar_ratelimit_remaining") == {("emea",): 3}
        assert of(found, "sidecar_ratelimit_limit") == {("emea",): 10}
        assert of(found, "sidecar_backend_requests_total") == {
            ("default", "answered"): 1,
            ("emea", "answered"): 1,
        }


def test_the_health_of_the_log_is_its_writers_word_and_the_size_of_its_files(tmp_path):
    writer = audit.Writer(
        tmp_path, instance="t", clock=lambda: datetime.now(UTC), max_bytes=1 << 20
    )
    (tmp_path / "audit.000000000001.jsonl").write_bytes(b"x" * 1000)
    trail = audit.Trail(writer, audit.Shipping(tmp_path, []))
    health = audit_health(trail, tmp_path, 1 << 20)
    assert replace(health, sinks=()) == AuditHealth(
        is_healthy=True, bytes=1000, max_bytes=1 << 20, events=0, signed=0
    )
    assert [name for name, _ in health.sinks] == ["anchors"]
    writer.close()
    health = audit_health(trail, tmp_path, 1 << 20)
    size = (tmp_path / "audit.jsonl").stat().st_size
    assert (health.is_healthy, health.bytes, health.events) == (False, 1000 + size, 1)


@pytest.mark.parametrize(
    ("size", "told"), [(0, 0), (1, 1), (1 << 20, 1), ((1 << 20) + 1, 2), (5 << 20, 5)]
)
def test_the_size_of_the_log_is_told_in_whole_mib(size, told):
    """The event of a tool that is hidden is longer than that of one that is unknown."""
    health = AuditHealth(bytes=size)
    found = read(Counts(), Sources(audit=lambda: health))
    assert found["sidecar_audit_bytes",] == told << 20


async def test_the_signed_events_are_those_that_a_verification_calls_signed(tmp_path):
    signer = audit.Signer(tmp_path, "t")
    writer = audit.Writer(
        tmp_path, instance="t", clock=lambda: datetime.now(UTC), max_bytes=1 << 20, signer=signer
    )
    trail = audit.Trail(writer, audit.Shipping(tmp_path, []))
    assert audit_health(trail, tmp_path, 1 << 20).signed == 0
    await writer.record(intent(), is_synced=True)
    await writer.checkpoint()
    told = audit_health(trail, tmp_path, 1 << 20).signed
    assert told == audit.verify(tmp_path).signed_upto > 0
    writer.close()


def test_what_others_say_of_themselves_stands_among_the_metrics():
    sinks = (("stdout", Sink(1, 2.5, 3)),)
    health = AuditHealth(False, 5, 9, 7, 6, sinks)
    found = read(
        Counts(),
        Sources(
            is_stale=lambda: True,
            streams=lambda: 4,
            policy_sha256=lambda: "ab",
            catalog_sha256=lambda: "cd",
            audit=lambda: health,
            exported=lambda: Exported(sent=8, dropped=9),
        ),
    )
    told = {
        ("sidecar_tools_stale",): 1,
        ("sidecar_streams_open",): 4,
        ("sidecar_policy_info", "ab"): 1,
        ("sidecar_catalog_info", "cd"): 1,
        ("sidecar_build_info", __version__): 1,
        ("sidecar_audit_healthy",): 0,
        ("sidecar_audit_bytes",): 1 << 20,
        ("sidecar_audit_limit_bytes",): 9,
        ("sidecar_audit_events",): 7,
        ("sidecar_audit_checkpoint_size",): 6,
        ("sidecar_audit_sink_lag_events", "stdout"): 1,
        ("sidecar_audit_sink_lag_seconds", "stdout"): 2.5,
        ("sidecar_audit_sink_failures_total", "stdout"): 3,
        ("sidecar_telemetry_spans_total", "sent"): 8,
        ("sidecar_telemetry_spans_total", "dropped"): 9,
    }
    assert told.items() <= found.items()


def test_the_text_has_exactly_the_families_that_are_declared_each_with_its_words():
    text = Metrics(Counts(), Sources()).text().decode()
    told = dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE))
    assert told == {one.name: one.what for one in metrics.FAMILIES}
    for one in metrics.FAMILIES:
        assert f"# TYPE {one.name} {one.kind}" in text
        assert (one.kind == "counter") == one.name.endswith("_total")
        assert f"| `{one.name}` | {one.kind} |" in metrics.table()


async def test_invariant_4_no_label_holds_what_a_caller_or_a_backend_chose(tmp_path):
    """(ours) Leak path 55: tools, arguments, people, endpoints, methods, headers."""
    async with flow(tmp_path) as f:
        bearer = token(
            subject=f"{CANARY}-sub@example.com", claims={"client_id": f"{CANARY}-client"}
        )
        f.backend.reply = tool_list(f"{CANARY}_tool")
        await f.ask(ask("tools/list"), bearer=bearer)
        headers = (("ratelimit-limit", f'10;w="{CANARY}"'), (f"x-ratelimit-{CANARY}", "1"))
        told = tool_result({"note": f"{CANARY}@example.com"})
        f.backend.reply = Reply(200, (*told.headers, *headers), told.body)
        await f.ask(call(READ, id=CANARY), bearer=bearer)
        await f.ask(call(f"{CANARY}_unknown", request_id=CANARY), bearer=bearer)
        await f.ask(ask(f"{CANARY}/method"), bearer=bearer, headers={"x-request-id": CANARY})
        f.backend.reply = BackendFailed(f"{CANARY} failed")
        await f.ask(call(READ, id=CANARY), bearer=bearer, endpoint="read")
        text = Metrics(f.counts, Sources()).text().decode()
        assert sum(of(read(f.counts), "sidecar_requests_total").values()) == 5
        for secret in (CANARY, "gladly_c", "agent", bearer, *f.tokens.values()):
            assert secret not in text
        values = set(re.findall(r'="([^"]*)"', text))
        assert not values & {"all", "read", "tools/call", "tools/list"}


def test_a_policy_that_waits_and_what_became_of_newer_ones_are_told():
    since = datetime(2026, 11, 22, tzinfo=UTC)
    standing = Standing(since, True, False, {"live": 2, "held": 1, "unusable": 0})
    found = read(Counts(), Sources(policy=lambda: standing))
    assert of(found, "sidecar_policy_since_timestamp_seconds") == {(): since.timestamp()}
    assert of(found, "sidecar_policy_waiting") == {("held",): 1.0, ("unusable",): 0.0}
    assert of(found, "sidecar_policy_reloads_total") == {
        ("live",): 2.0,
        ("held",): 1.0,
        ("unusable",): 0.0,
    }
    assert of(read(Counts()), "sidecar_policy_waiting") == {}
