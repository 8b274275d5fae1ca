"""Who plays in the demo: the world, the agent's token, and how two roads are shown side by side."""

from __future__ import annotations

from typing import Any, Final

import httpx2
import orjson

from sidecar.demo import stage
from sidecar.demo.agent import Agent, Answer, connected
from sidecar.demo.world import World

SECRETS: Final = (
    "4111 1111",
    "@example.com",
    "+1415555",
    "415 555 01",
    "415-555-01",
    "555-0177",
    "Lindqvist",
    "Okafor",
    "PIN is 4827",
)
"""Personal data in the scenes; none may reach an agent or the audit log.

Nothing so short that a digest could hold it by chance.
"""


class Cast:
    """Who plays: the world, the caller's token, and what was said so far.

    `mode` is the era in which its agents speak: `auto` (the newest) or `legacy` (the handshake).
    """

    def __init__(self, world: World, mode: str = "auto") -> None:
        self.world = world
        self.mode = mode
        self.bearer = world.bearer("triage-agent")
        self.found: dict[str, str] = {}

    def agent(self, endpoint: str, *, mode: str = "", bearer: str = "") -> Any:
        """An agent, connected to one of the demo's endpoints; the triage agent unless told."""
        return connected(self.world.url(endpoint), bearer or self.bearer, mode=mode or self.mode)

    def backend(self) -> Any:
        """The same client past the sidecar, with the credential that only the sidecar has."""
        return connected(f"{self.world.backend_url}/mcp", self.world.backend_token)

    def last(self) -> dict[str, Any]:
        """The newest outcome in the audit log."""
        lines = self.world.audit_log.read_bytes().splitlines()
        events = (orjson.loads(line) for line in reversed(lines))
        return next((e for e in events if e["stage"] == "outcome"), {})


def rules(cast: Cast) -> None:
    """Show which rules decided the last call, and what was masked."""
    event = cast.last()
    decision, data = event.get("decision", {}), event.get("data", {})
    stage.detail("rules", ", ".join(decision.get("rules", [])) or "-")
    for denial in decision.get("denials", []):
        stage.detail("denied", f"{denial['code']}: {denial['message']}")
    if data.get("masked"):
        stage.detail("masked", ", ".join(f"{n} {k}" for k, n in data["masked"].items()))


async def both(
    cast: Cast, agent: Agent, direct: Agent, name: str, **arguments: Any
) -> tuple[Answer, Answer]:
    """Call a tool on both roads and show the two answers side by side."""
    sent = await direct.call(name, **arguments)
    seen = await agent.call(name, **arguments)
    stage.say(f"agent calls {name}")
    stage.side_by_side(sent.value, seen.value)
    rules(cast)
    return sent, seen


def holds_secret(value: Any) -> bool:
    """Whether personal data of the scenes stands in a value."""
    text = orjson.dumps(value).decode()
    return any(secret in text for secret in SECRETS)


async def raw(cast: Cast, endpoint: str, bearer: str) -> httpx2.Response:
    """Ask for the tools of an endpoint by plain HTTP."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    async with httpx2.AsyncClient(trust_env=False) as http:
        headers = {
            "authorization": f"Bearer {bearer}",
            "accept": "application/json, text/event-stream",
        }
        return await http.post(cast.world.url(endpoint), json=body, headers=headers)
