"""After the demo: stay up, and say how to connect a client of one's own."""

from __future__ import annotations

import asyncio
import json
import signal

from sidecar.demo.world import World


async def connect(world: World) -> None:
    """Print working client configuration, then wait for Ctrl-C or SIGTERM."""
    print(instructions(world.url("read-only"), world.bearer("you")), flush=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def instructions(url: str, bearer: str) -> str:
    """How to connect Claude Code, Claude Desktop and MCP Inspector to an endpoint."""
    header = f"Authorization: Bearer {bearer}"
    desktop = {
        "mcpServers": {
            "gladly": {
                "command": "npx",
                "args": ["-y", "mcp-remote", url, "--header", "Authorization:${AUTH}"],
                "env": {"AUTH": f"Bearer {bearer}"},
            }
        }
    }
    return "\n".join(
        [
            "",
            "The sidecar stays up (Ctrl-C ends it). A read-only, masked endpoint for you:",
            f"  {url}",
            "",
            "Claude Code:",
            f"  claude mcp add --transport http gladly {url} --header '{header}'",
            "",
            "Claude Desktop (claude_desktop_config.json; needs Node):",
            json.dumps(desktop, indent=2),
            "",
            "MCP Inspector:",
            f"  npx @modelcontextprotocol/inspector --cli {url} --transport http \\",
            f"    --header '{header}' --method tools/list",
            "",
        ]
    )
