"""The trail of one process: its log, the key that signs it, and where its lines go besides."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from sidecar import __version__
from sidecar.audit.chain import Tip
from sidecar.audit.keys import Signer
from sidecar.audit.shipping import Shipping
from sidecar.audit.sinks import Otlp, Sink, Stdout
from sidecar.audit.writer import Writer
from sidecar.errors import Refusal
from sidecar.settings import Audit
from sidecar.settings.headers import headers_in
from sidecar.settings.shipping import Ship

_log = structlog.get_logger("sidecar.audit")


@dataclass(frozen=True, slots=True)
class Trail:
    """What records, and what ships that was recorded."""

    writer: Writer
    shipping: Shipping


@asynccontextmanager
async def opened(config: Audit, port: int, clock: Callable[[], datetime]) -> AsyncIterator[Trail]:
    """Open a log to be written, signed and shipped as it is set; stop it, and ship its last lines.

    Without a name of its own an instance is called by the machine's name and the `port` it serves.
    A log that does not end in a durable stop is told in the operational log. Raises ConfigError if
    the log is in use or cannot be written, or the key cannot be used.
    """
    instance = config.instance or f"{socket.gethostname()}:{port}"
    signer = Signer(config.folder, instance, config.signing_key_file)
    shipping = Shipping(config.folder, list(_sinks(config.ship)))
    writer = Writer(
        config.folder,
        instance=instance,
        clock=clock,
        max_bytes=config.max_bytes,
        segment_bytes=config.segment_bytes,
        keep_days=config.keep_days,
        heartbeat=config.heartbeat_seconds,
        signer=signer,
        on_written=shipping.written,
        shipped=shipping.acknowledged,
    )
    seq, _, digest = writer.head.partition(":")
    shipping.written(Tip(int(seq), digest))
    shipping.start()
    keeping = asyncio.create_task(writer.keep())
    try:
        yield Trail(writer, shipping)
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        _close(writer)
        await asyncio.to_thread(shipping.close, config.ship.timeout)


def _sinks(ship: Ship) -> Iterator[Sink]:
    if ship.stdout:
        yield Stdout(ship.timeout)
    if ship.otlp_url is not None:
        headers = headers_in(ship.otlp_headers_file) if ship.otlp_headers_file else {}
        yield Otlp(ship.otlp_url, headers, ship.timeout, __version__, ship.otlp_ca_file)


def _close(writer: Writer) -> None:
    try:
        writer.close()
    except Refusal as refusal:
        _log.error("the audit log did not end in a durable stop", detail=str(refusal))
