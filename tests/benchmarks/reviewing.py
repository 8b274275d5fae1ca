"""What it costs to verify and to report on a long log: 300,000 events, as the sidecar writes them.

The log is made from one real exchange's two events, varied in who asks for what about whom.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flow
import orjson

from sidecar import audit
from sidecar.audit.chain import GENESIS, hash_of, line
from sidecar.model import Event

EVENTS = 300_000

_SINCE = datetime(2026, 10, 1, tzinfo=UTC)
_TOOLS = ("get_customer", "list_all_gladly_tasks", "list_conversation_items", "get_conversation")


async def measured(folder: Path, events: int = EVENTS) -> dict[str, float]:
    """Seconds to verify, to report on, and to find one subject in a log of so many events."""
    log = await written(folder, events)
    asked = audit.Asked(subject=_customer(7))
    return {
        "events": events,
        "megabytes": (log / "audit.jsonl").stat().st_size / 1e6,
        "verify": _timed(lambda: audit.verify(log)),
        "report": _timed(lambda: audit.review(log, audit.Asked(), is_program=True)),
        "report on one subject": _timed(lambda: audit.review(log, asked, is_program=True)),
    }


async def written(folder: Path, events: int) -> Path:
    """Write a log of so many events, a call every ten seconds, each with intent and outcome."""
    log, sample = folder / "audit", folder / "sample"
    log.mkdir(parents=True)
    sample.mkdir()
    intent, outcome = await _sample(sample)
    prev = GENESIS
    with (log / "audit.jsonl").open("wb") as file:
        for seq, event in enumerate(_varied(intent, outcome, events), start=1):
            ts = _SINCE + timedelta(seconds=5 * seq)
            raw = line(event, seq=seq, ts=ts, instance="sidecar-0/1", prev=prev)
            prev = hash_of(raw)
            file.write(raw)
    return log


def _customer(number: int) -> str:
    return f"c{number % 5000:021d}"


def _varied(intent: Event, outcome: Event, events: int) -> Iterator[Event]:
    for number in range(events // 2):
        event, customer = audit.event_id(), _customer(number)
        person = {"on_behalf_of": f"user-{number % 60}", "subject": f"agent-{number % 7}"}
        tool = {"tool": _TOOLS[number % len(_TOOLS)]}
        about = {"subjects": [{"kind": "customer", "id": customer}]}
        yield intent._replace(
            id=event,
            actor=intent.actor | person,
            mcp=intent.mcp | tool,
            data=intent.data | about,
        )
        yield outcome._replace(
            id=audit.event_id(),
            ref=event,
            actor=outcome.actor | person,
            mcp=outcome.mcp | tool,
            data=outcome.data | about | {"masked": {"EMAIL": 2, "PHONE": 1}},
        )


async def _sample(folder: Path) -> tuple[Event, Event]:
    """The two events of one call, as the whole road writes them."""
    async with flow.flow(folder) as made:
        made.backend.reply = flow.tool_result({"result": []})
        await made.ask(flow.call("list_all_gladly_tasks", customer_id="x" * 22))
        found = [orjson.loads(raw) for raw in made.log.read_bytes().splitlines()]
    intent, outcome = (next(r for r in found if r["stage"] == s) for s in ("intent", "outcome"))
    return _event(intent), _event(outcome)


def _event(record: dict[str, Any]) -> Event:
    sections = ("id", "stage", "ref", "actor", "src", "mcp", "decision", "data", "outcome")
    return Event(**{name: record[name] for name in sections if name in record})


def _timed(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
