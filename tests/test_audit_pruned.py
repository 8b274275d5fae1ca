"""Writer, shipping and verification together: a log that outgrows its room stays whole."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from test_audit_event import intent, outcome
from test_audit_shipping import BOUND, Collector

from sidecar import audit
from sidecar.audit.shipping import Shipping

pytestmark = [pytest.mark.anyio, pytest.mark.thorough]


def until_shipped(shipping: Shipping) -> None:
    tick = threading.Event()
    for _ in range(int(BOUND * 100)):
        if not any(one.lag_lines for one in shipping.progress()):
            return
        tick.wait(0.01)
    raise AssertionError("it was never shipped")


async def test_what_was_shipped_may_be_pruned_and_folder_and_stream_both_verify(tmp_path: Path):
    folder, collector = tmp_path / "audit", Collector()
    signer = audit.Signer(folder, "blue")
    shipping = Shipping(folder, [collector])
    writer = audit.Writer(
        folder,
        instance="blue",
        clock=lambda: datetime.now(UTC),
        max_bytes=200_000,
        segment_bytes=20_000,
        signer=signer,
        on_written=shipping.written,
        shipped=shipping.acknowledged,
    )
    with structlog.testing.capture_logs() as told:
        shipping.start()
        for _ in range(40):
            for _ in range(5):
                begun = intent()
                await writer.record(begun)
                await writer.record(outcome(begun.id))
            until_shipped(shipping)
            await writer.tick()
        writer.close()
        shipping.close(BOUND)
    notes = "\n".join(line["note"] for line in told if line["event"] == "audit anchor")
    kept = audit.verify(folder, notes, keys=[folder / "audit.pub"])
    assert (kept.is_valid, kept.problems, kept.has_clean_stop) == (True, (), True)
    assert kept.pruned[0][0] == 1
    assert kept.events < kept.signed_upto == kept.anchored_upto
    ring = audit.keyring([folder / "audit.pub"])
    sent = audit.verify_stream(collector.lines, expected=["blue"], anchors=notes, keys=ring)
    assert (sent.is_valid, sent.problems) == (True, ())
    assert [one.head for _, one in sent.chains] == [kept.head]
    first = min(folder.glob("audit.0*.jsonl"))
    first.unlink()
    assert not audit.verify(folder, notes, keys=[folder / "audit.pub"]).is_valid
