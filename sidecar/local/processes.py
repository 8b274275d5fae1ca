"""Programs of this distribution as child processes: started, listened to, and ended together."""

from __future__ import annotations

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE, Process
from typing import Final

import httpx2

from sidecar.errors import SidecarError

_START: Final = 30.0
"""Seconds a program may take to listen."""
_END: Final = 15.0
"""Seconds a program may take to end by itself."""
_POLL: Final = 0.05


class Processes:
    """The children of this process, in the order in which they were started."""

    def __init__(self) -> None:
        self._processes: list[Process] = []

    async def spawn(self, *arguments: str) -> Process:
        """Start `sidecar` with these arguments; its standard output is a pipe."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sidecar", *arguments, stdout=PIPE
        )
        self._processes.append(process)
        return process

    async def announced(self, *arguments: str) -> str:
        """Start a program that prints its URL in its first line; give the URL.

        Raises:
            SidecarError: it ended instead; what it said stands on standard error.
        """
        process = await self.spawn(*arguments)
        if process.stdout is None:
            raise SidecarError("the process has no output to read")
        line = await asyncio.wait_for(process.stdout.readline(), _START)
        if not line:
            raise SidecarError(f"`sidecar {arguments[0]} {arguments[1]}` did not start; see above")
        return line.decode().split()[-1]

    async def first_to_end(self) -> int:
        """Wait until one of them ends; give its place in the order."""
        waits = [asyncio.ensure_future(process.wait()) for process in self._processes]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return waits.index(next(iter(done)))
        finally:
            for wait in waits:
                wait.cancel()

    async def end_all(self) -> None:
        """End them, the last one first."""
        for process in reversed(self._processes):
            await end(process)


async def until_ready(url: str, process: Process) -> None:
    """Wait until a program's readiness probe says 200.

    Raises:
        SidecarError: it ended instead; what it said stands on standard error.
    """
    async with asyncio.timeout(_START), httpx2.AsyncClient(trust_env=False) as http:
        while process.returncode is None:
            try:
                if (await http.get(url)).status_code == httpx2.codes.OK:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(_POLL)
    raise SidecarError("the sidecar did not start; its reasons stand above")


async def end(process: Process) -> None:
    """Ask a process to end, and insist after a while."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _END)
        except TimeoutError:
            process.kill()
    await process.wait()


def free_port() -> int:
    """A port of loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
