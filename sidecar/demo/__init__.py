"""`sidecar demo`: the whole sidecar at work on this machine, with a simulated Gladly.

`world` starts three real processes (simulator, backend, sidecar) on loopback, `agent` is an AI
agent's MCP client, `scenes` is what happens (`workflows`, `scopes` and `burst`, played by `cast`),
`stage` prints it.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
from pathlib import Path

from sidecar.demo.cast import Cast
from sidecar.demo.connect import connect
from sidecar.demo.scenes import play
from sidecar.demo.world import World

__all__ = ["run"]


def run(folder: Path | None, *, stay: bool) -> int:
    """Play every scene; give 0 when each showed what it promises. `stay` then keeps it up."""
    with tempfile.TemporaryDirectory(prefix="sidecar-demo-") as temporary:
        try:
            code = asyncio.run(_run(folder or Path(temporary), stay=stay))
        except asyncio.CancelledError:
            code = 128 + signal.SIGTERM
    kept = f"is in {folder}, its audit log in {folder / 'audit'}" if folder else "was removed"
    print(f"What the demo wrote {kept}.")
    return code


async def _run(folder: Path, *, stay: bool) -> int:
    task = asyncio.current_task()
    if task is not None:
        # Told to stop, it must not leave three processes and their secrets behind.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with World(folder) as world:
        is_as_promised = await play(Cast(world))
        if stay:
            # The last scene ended the sidecar to verify its finished log.
            await world.start_sidecar()
            await connect(world)
    return 0 if is_as_promised else 1
