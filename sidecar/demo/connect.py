"""After the demo: stay up, and say how to connect a client of one's own."""

from __future__ import annotations

import asyncio
import signal

from sidecar.demo.world import World
from sidecar.local.connect import Target, instructions


async def connect(world: World) -> None:
    """Print working client configuration, then wait for Ctrl-C or SIGTERM."""
    target = Target(world.url("read-only"), world.bearer("you"))
    print("\nThe sidecar stays up (Ctrl-C ends it). A read-only, masked endpoint for you:\n")
    print(instructions(target), flush=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
