"""`sidecar up`: Gladly, the MCP backend and a sidecar with one safe endpoint, for one person."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Final

from sidecar.errors import SidecarError
from sidecar.gladly.client import Client
from sidecar.gladly.credential import organization
from sidecar.local import connect
from sidecar.local.folder import Folder, Gladly, anchors
from sidecar.local.processes import Processes, free_port, until_ready
from sidecar.shown import shown

SIMULATED: Final = "api.user@sample-store.example"
"""The API user of the simulated Gladly."""


async def checked(gladly: Gladly) -> str:
    """The organisation's name, if the credential opens it.

    Raises:
        SidecarError: in one line, why not.
    """
    client = Client(gladly.url, gladly.email, gladly.token_file, ca_file=gladly.ca_file)
    try:
        record = await organization(client, gladly.url)
    finally:
        await client.aclose()
    return shown(str(record.get("name") or record["id"]), 100)


async def up(folder: Folder, port: int, say: Callable[[str], None]) -> None:
    """Start everything in this process group, say how to connect, and stay until told to stop.

    `port` is the clients'; whose Gladly it is says the folder.

    Raises:
        SidecarError: the credential does not open Gladly, or one of the programs ended.
    """
    programs = Processes()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        url = await started(programs, folder, port, say)
        say(told(folder, url))
        await _until_ended(programs, stop)
    finally:
        await programs.end_all()


async def started(
    programs: Processes, folder: Folder, port: int, say: Callable[[str], None]
) -> str:
    """Start the programs one after the other; give the endpoint's URL."""
    backend_url = await backend(programs, folder, say)
    admin = free_port()
    settings = folder.write_settings(backend_url, port, admin)
    process = await programs.spawn("serve", "--config", str(settings))
    await until_ready(f"http://127.0.0.1:{admin}/readyz", process)
    return f"http://127.0.0.1:{port}{folder.endpoint_path}"


async def backend(programs: Processes, folder: Folder, say: Callable[[str], None]) -> str:
    """Start the backend, and before it a simulated Gladly if there is no other; give its URL."""
    gladly = folder.gladly()
    if gladly is None:
        token_file = folder.simulated_token
        address = ("--port", "0", "--email", SIMULATED, "--token-file", str(token_file))
        url = await programs.announced("gladly", "simulate", *address)
        gladly = Gladly(url, SIMULATED, token_file)
        say("A simulated Gladly, with made-up customers; no account is used.")
    else:
        name = await checked(gladly)
        say(f"Gladly organisation: {name} ({gladly.url}); the credential works.")
    options = ["--url", gladly.url, "--email", gladly.email]
    options += ["--token-file", str(gladly.token_file), "--bearer-file", str(folder.backend_token)]
    options += ["--ca-file", str(gladly.ca_file)] if gladly.ca_file else []
    return await programs.announced("gladly", "serve", "--port", "0", *options)


def told(folder: Folder, url: str) -> str:
    """What a person reads once everything is up."""
    target = connect.Target(url, stdio=("stdio", "--folder", str(folder.path)))
    return "\n".join(
        [
            "",
            "Ready: tools that only read, personal data masked, every call recorded.",
            f"  endpoint   {url}",
            f"  audit log  {folder.audit}  (sidecar audit report {folder.audit})",
            f"             {folder.stdio_audit}/1, 2, …: of clients that start `sidecar stdio`",
            f"  anchors    {anchors(folder.audit)}: copies kept elsewhere find a changed log",
            "Whoever has this URL can read, from this machine. Ctrl-C ends it.",
            "",
            connect.instructions(target),
        ]
    )


async def _until_ended(programs: Processes, stop: asyncio.Event) -> None:
    """Wait for the word to stop, or for a program that ends by itself."""
    ended = asyncio.ensure_future(programs.first_to_end())
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            raise SidecarError("one of the programs ended by itself; its reasons stand above")
    finally:
        ended.cancel()
        stopped.cancel()
