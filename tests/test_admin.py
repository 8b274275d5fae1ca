"""The admin listener: alive while the process answers, ready while the audit log can be written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from flow import CATALOG, Backend

from sidecar import admin, audit
from sidecar.audit.space import Bounds
from sidecar.catalog import Reviewed
from sidecar.errors import OrganDown
from sidecar.metrics import Counts, Metrics, Sources
from sidecar.model import Event
from sidecar.pipeline import Survey, Surveys
from sidecar.redaction import Redactor

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def listening(
    folder: Path,
    max_bytes: int = 1 << 20,
    made: Callable[..., Survey] = Survey,
    redactor: Redactor | None = None,
    newer: Callable[[], str] = str,
) -> AsyncIterator[tuple[httpx2.AsyncClient, audit.Writer, Reviewed]]:
    """The admin application of a real writer."""
    writer = audit.Writer(
        folder, instance="t", clock=lambda: datetime.now(UTC), max_bytes=max_bytes
    )
    reviewed = Reviewed(CATALOG)
    survey = made(Backend(), reviewed, writer, 60.0, 60.0)
    metrics = Metrics(Counts(), Sources(drift=lambda: reviewed.drift))
    looked_at = admin.application(
        writer, reviewed, Surveys({"": survey}), metrics, redactor or Redactor(), newer=newer
    )
    transport = httpx2.ASGITransport(looked_at)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://admin") as client:
            yield client, writer, reviewed
    finally:
        with contextlib.suppress(OrganDown):  # a log that was taken away has no durable stop
            writer.close()


async def statuses(client: httpx2.AsyncClient) -> list[int]:
    return [(await client.get(path)).status_code for path in ("/livez", "/readyz")]


async def fill(writer: audit.Writer) -> None:
    for _ in range(20):
        await writer.record(Event(audit.event_id(), "outcome"))


async def test_a_sidecar_that_can_write_is_alive_and_ready(tmp_path):
    async with listening(tmp_path) as (client, _, _):
        assert await statuses(client) == [200, 200]


async def test_a_sidecar_whose_log_is_full_is_alive_and_not_ready(tmp_path):
    async with listening(tmp_path, max_bytes=1500) as (client, writer, _):
        with pytest.raises(OrganDown):
            await fill(writer)
        assert await statuses(client) == [200, 503]
        assert (await client.get("/readyz")).text == "the audit log cannot be written\n"


async def test_a_sidecar_is_ready_again_when_there_is_room_again(tmp_path, monkeypatch):
    async with listening(tmp_path) as (client, writer, _):
        monkeypatch.setattr(writer._space, "bounds", Bounds(10))
        with pytest.raises(OrganDown):
            await writer.record(Event(audit.event_id(), "outcome"))
        assert await statuses(client) == [200, 503]
        monkeypatch.setattr(writer._space, "bounds", Bounds(1 << 20))
        assert await statuses(client) == [200, 200]
        assert b'"what":"resumed"' in (tmp_path / "audit.jsonl").read_bytes()


async def test_a_sidecar_whose_log_was_taken_away_stays_not_ready(tmp_path):
    async with listening(tmp_path) as (client, writer, _):
        (tmp_path / "audit.jsonl").unlink()
        with pytest.raises(OrganDown):
            await writer.record(Event(audit.event_id(), "outcome"), is_synced=True)
        assert await statuses(client) == [200, 503]


async def test_readiness_and_metrics_count_the_tools_that_changed_and_name_none(tmp_path):
    async with listening(tmp_path) as (client, _, reviewed):
        reviewed.see([{"name": "tool_a", "description": "x"}, {"name": "tool_b"}])
        assert (await client.get("/readyz")).text == "ok\n"
        assert 'sidecar_tools_drifted{how="changed"} 0.0' in (await client.get("/metrics")).text
        reviewed.see([{"name": "tool_a", "description": "y"}, {"name": "tool_c"}])
        answer = await client.get("/readyz")
        assert answer.status_code == 200
        assert "refused: 1 added, 1 changed, 1 removed;" in answer.text
        scraped = await client.get("/metrics")
        assert scraped.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        for how in ("added", "changed", "removed"):
            assert f'sidecar_tools_drifted{{how="{how}"}} 1.0' in scraped.text
        assert "tool_" not in answer.text + scraped.text


async def test_a_sidecar_that_looks_at_the_tools_no_more_is_not_ready(tmp_path):
    surveys = []

    def made(*organs: Any) -> Survey:
        surveys.append(Survey(*organs))
        return surveys[-1]

    async with listening(tmp_path, made=made) as (client, _, _):
        task = asyncio.create_task(surveys[0].run())
        await asyncio.sleep(0)
        assert await statuses(client) == [200, 200]
        task.cancel()
        await asyncio.wait([task])
        assert await statuses(client) == [200, 503]
        assert "nobody looks at the backend's tools" in (await client.get("/readyz")).text


async def test_a_list_that_could_not_be_read_for_long_stands_in_the_text(tmp_path):
    now = [0.0]
    made = partial(Survey, clock=lambda: now[0])
    async with listening(tmp_path, made=made) as (client, _, _):
        assert (await client.get("/readyz")).text == "ok\n"
        now[0] = 3600.0
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.text[:6]) == (200, "ok, bu")
        assert "could not be read for long, and calls are refused" in answer.text


@pytest.mark.parametrize("path", ["/", "/mcp", "/metrics/x", "/config", "/livez/", "/policies"])
async def test_there_is_nothing_else_that_an_agent_in_the_pod_could_use(tmp_path, path):
    async with listening(tmp_path) as (client, _, _):
        assert (await client.get(path)).status_code in {307, 404}
        assert (await client.post("/readyz")).status_code == 405


async def test_a_policy_that_waits_stands_in_the_text_beside_all_else_and_leaves_it_ready(tmp_path):
    said = ["policy: abc is held back", ""]
    async with listening(tmp_path, newer=lambda: said[0]) as (client, _, _):
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.text) == (200, "ok\npolicy: abc is held back\n")
        said.pop(0)
        assert (await client.get("/readyz")).text == "ok\n"
