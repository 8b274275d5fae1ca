"""What happens in the demo, scene by scene; each says what it shows and checks that it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2
import orjson

from sidecar import audit
from sidecar.demo import stage
from sidecar.demo.agent import PACE, Agent, Answer, connected
from sidecar.demo.world import EMAIL, World

_PHONE: Final = "+14155550198"
_BURST: Final = 16


class Cast:
    """Who plays: the world, the caller's token, and what was said so far."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.bearer = world.bearer("triage-agent")
        self.found: dict[str, str] = {}

    def agent(self, endpoint: str, *, mode: str = "auto") -> Any:
        """The agent, connected to one of the demo's endpoints."""
        return connected(self.world.url(endpoint), self.bearer, mode=mode)

    def backend(self) -> Any:
        """The same client past the sidecar, with the credential that only the sidecar has."""
        return connected(f"{self.world.backend_url}/mcp", self.world.backend_token)

    def last(self) -> dict[str, Any]:
        """The newest outcome in the audit log."""
        lines = self.world.audit_log.read_bytes().splitlines()
        events = (orjson.loads(line) for line in reversed(lines))
        return next((e for e in events if e["stage"] == "outcome"), {})


async def play(cast: Cast) -> bool:
    """Play every scene in order; whether each showed what it promises."""
    print("gladly-mcp-sidecar: agent ⇄ sidecar ⇄ Gladly backend ⇄ simulated Gladly, on loopback.")
    shown = []
    for number, (title, text, scene) in enumerate(SCENES, start=1):
        stage.heading(number, title, text)
        shown.append(await scene(cast))
    print(f"\n{sum(shown)} of {len(shown)} scenes showed what they promise.")
    return all(shown)


def _rules(cast: Cast) -> None:
    event = cast.last()
    decision, data = event.get("decision", {}), event.get("data", {})
    stage.detail("rules", ", ".join(decision.get("rules", [])) or "-")
    for denial in decision.get("denials", []):
        stage.detail("denied", f"{denial['code']}: {denial['message']}")
    if data.get("masked"):
        stage.detail("masked", ", ".join(f"{n} {k}" for k, n in data["masked"].items()))


async def _both(
    cast: Cast, agent: Agent, direct: Agent, name: str, **arguments: Any
) -> tuple[Answer, Answer]:
    """Call a tool on both roads and show the two answers side by side."""
    sent = await direct.call(name, **arguments)
    seen = await agent.call(name, **arguments)
    stage.say(f"agent calls {name}")
    stage.side_by_side(sent.value, seen.value)
    _rules(cast)
    return sent, seen


def _holds_secret(value: Any) -> bool:
    text = orjson.dumps(value).decode()
    return any(s in text for s in ("4111 1111", "@example.com", "555019", "555-0177", "Lindqvist"))


async def _triage(cast: Cast) -> bool:
    async with cast.agent("triage") as agent, cast.backend() as direct:
        offered, listed = await direct.tools(), await agent.tools()
        stage.detail("MCP revision", agent.revision)
        stage.detail("tools", f"the backend offers {len(offered)}, the agent sees {len(listed)}")
        stage.detail("not there", ", ".join(sorted(set(offered) - set(listed))))
        _, who = await _both(cast, agent, direct, "list_all_gladly_customers", phoneNumber=_PHONE)
        customer = who.value["result"][0]["id"]
        talks = await agent.call("list_all_gladly_customer_conversations", customer_id=customer)
        latest = max(talks.value["result"], key=lambda c: c["createdAt"])["id"]
        sent, seen = await _both(
            cast, agent, direct, "list_all_gladly_conversation_items", conversation_id=latest
        )
        cast.found = {"customer": customer}
        return all(
            [
                stage.check("tools outside the scope are not there", holds=offered != listed),
                stage.check("Gladly sent personal data", holds=_holds_secret(sent.value)),
                stage.check("the agent saw none of it", holds=not _holds_secret(seen.value)),
            ]
        )


async def _escalation(cast: Cast) -> bool:
    due = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="seconds")
    async with cast.agent("triage") as agent:
        inboxes = await agent.call("list_all_gladly_inboxes")
        inbox = next(i["id"] for i in inboxes.value["result"] if i["name"] == "Escalations")
        task = {
            "customer_id": cast.found["customer"],
            "dueAt": due,
            "assignee": {"inboxId": inbox},
        }
        first = await agent.call(
            "create_a_gladly_task", **task, body="Refund to card 4111 1111 1111 1111, please."
        )
        stage.detail("first try", "a task whose text quotes a card number")
        stage.detail("agent saw", first.error)
        body = "Item X-200 was missing twice (orders 8641, 8812). Customer at [PHONE], please call."
        second = await agent.call("create_a_gladly_task", **task, body=body)
        stage.detail("second try", body)
        stage.detail("agent saw", orjson.dumps(second.value).decode())
        _rules(cast)
        refusal = "arguments." in first.error
        return all(
            [
                stage.check("the card number never left; the reason was told", holds=refusal),
                stage.check("the corrected task was created", holds=bool(second.value)),
            ]
        )


async def _read_only(cast: Cast) -> bool:
    async with cast.agent("read-only", mode="legacy") as agent:
        listed = await agent.tools()
        stage.detail("MCP revision", f"{agent.revision} (the handshake era)")
        stage.detail("agent sees", ", ".join(listed))
        answer = await agent.call("create_a_gladly_task", customer_id="x", body="y")
        stage.detail("agent calls", "create_a_gladly_task")
        stage.detail("agent saw", answer.error)
        _rules(cast)
        invented = await agent.call("no_such_tool")
        same = answer.error.replace("create_a_gladly_task", "no_such_tool") == invented.error
        has_write = any(name.startswith(("create", "update", "delete")) for name in listed)
        return all(
            [
                stage.check("no tool that writes is listed", holds=not has_write),
                stage.check("calling one answers as an invented tool does", holds=same),
                stage.check("the audit log has the truth", holds="access." in str(cast.last())
                            or "sealed." in str(cast.last())),
            ]
        )  # fmt: skip


async def _knowledge(cast: Cast) -> bool:
    async with cast.agent("knowledge-base") as agent, cast.backend() as direct:
        listed = await agent.tools()
        stage.detail("agent sees", ", ".join(listed))
        _, seen = await _both(cast, agent, direct, "list_all_gladly_public_answers")
        return all(
            [
                stage.check(
                    "no tool that can reveal a customer is listed",
                    holds=bool(listed) and all("public_answer" in name for name in listed),
                ),
                stage.check("public answers are read", holds=bool(seen.value)),
            ]
        )


async def _raw(cast: Cast, endpoint: str, bearer: str) -> httpx2.Response:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    async with httpx2.AsyncClient(trust_env=False) as http:
        headers = {
            "authorization": f"Bearer {bearer}",
            "accept": "application/json, text/event-stream",
        }
        return await http.post(cast.world.url(endpoint), json=body, headers=headers)


async def _expired(cast: Cast) -> bool:
    answer = await _raw(cast, "contractor", cast.bearer)
    stage.detail("agent saw", f"HTTP {answer.status_code} {answer.text}")
    unknown = await _raw(cast, "contractor", cast.bearer + "x")
    same = answer.content == unknown.content
    return stage.check("an expired endpoint is gone, as if never there", holds=(
        answer.status_code == httpx2.codes.NOT_FOUND and same
    ))  # fmt: skip


async def _wrong_audience(cast: Cast) -> bool:
    bearer = cast.world.bearer("triage-agent", audience="another-service")
    answer = await _raw(cast, "triage", bearer)
    stage.detail("agent saw", f"HTTP {answer.status_code} {answer.text}")
    stage.detail("challenge", answer.headers.get("www-authenticate", "-"))
    stage.detail("audit log", str(cast.last().get("actor", {}).get("auth_error", "-")))
    return stage.check(
        "a token for another service opens nothing",
        holds=answer.status_code == httpx2.codes.UNAUTHORIZED,
    )


async def _burst(cast: Cast) -> bool:
    call = {
        "jsonrpc": "2.0",
        "method": "tools/call",
        "params": {"name": "list_all_gladly_inboxes", "arguments": {}},
    }
    async with httpx2.AsyncClient(trust_env=False) as http:
        headers = {
            "authorization": f"Bearer {cast.bearer}",
            "accept": "application/json, text/event-stream",
        }
        url = cast.world.url("read-only")
        session = await _handshake(http, url, headers)
        calls = [call | {"id": number} for number in range(1, _BURST + 1)]
        replies = [await http.post(url, json=one, headers=session) for one in calls]
        answers = [r for r in replies if r.status_code == httpx2.codes.OK and "result" in r.json()]
        limited = [r for r in replies if r.status_code == httpx2.codes.TOO_MANY_REQUESTS]
        origin = await http.get(
            f"{cast.world.simulator_url}/api/v1/inboxes", auth=(EMAIL, cast.world.gladly_token)
        )
    stage.detail("agent saw", f"{len(answers)} answers, then {len(limited)} times HTTP 429")
    if limited:
        stage.detail("Gladly sent", f"HTTP {origin.status_code} {origin.text}")
        stage.detail("agent saw", f"HTTP 429 {limited[0].text}")
        rates = {k: v for k, v in limited[0].headers.items() if "rate" in k or "retry" in k}
        stage.detail("with headers", ", ".join(f"{k}: {v}" for k, v in rates.items()))
    await PACE.wait()
    is_same = bool(limited) and origin.content == limited[0].content
    return all(
        [
            stage.check(
                "every call was answered by Gladly, or by its 429",
                holds=len(answers) + len(limited) == _BURST,
            ),
            stage.check(
                "Gladly's own 429 arrived untouched, with Retry-After",
                holds=is_same and "retry-after" in limited[0].headers,
            ),
        ]
    )


async def _handshake(http: httpx2.AsyncClient, url: str, headers: dict[str, str]) -> dict[str, str]:
    params = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "demo", "version": "1"},
    }
    hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    reply = await http.post(url, json=hello, headers=headers)
    session = {**headers, "mcp-session-id": reply.headers["mcp-session-id"]}
    await http.post(
        url, json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=session
    )
    return session


async def _evidence(cast: Cast) -> bool:
    await cast.world.stop_sidecar()
    log = cast.world.audit_log
    print(audit.report(log).text())
    found = audit.verify(log)
    text = log.read_text()
    leaks = [s for s in ("4111 1111", "@example.com", "5550198", "Lindqvist") if s in text]
    leaks += [s for s in (cast.bearer, cast.world.backend_token) if s in text]
    return all(
        [
            stage.check("the chain holds from the first line to the last", holds=found.is_valid),
            stage.check("no personal value and no token stands in the log", holds=not leaks),
        ]
    )


Scene = Callable[[Cast], Awaitable[bool]]

SCENES: Final[tuple[tuple[str, str, Scene], ...]] = (
    (
        "Triage",
        (
            "A text message says that a delivery missed an item. The triage agent finds the "
            "customer by phone and reads the conversation. Its endpoint allows reading and "
            "creating, in four functional areas."
        ),
        _triage,
    ),
    (
        "Escalation",
        (
            "The issue is recurring: the agent creates a task for the Escalations inbox. Its "
            "first text quotes a card number."
        ),
        _escalation,
    ),
    (
        "A read-only endpoint",
        "The same agent at an endpoint with methods [read]. Writing is impossible, not refused.",
        _read_only,
    ),
    (
        "A knowledge-base endpoint",
        "Scoped by tag to public answers: no tool that can reveal a customer.",
        _knowledge,
    ),
    ("An expired endpoint", "A contractor's endpoint that ended an hour ago.", _expired),
    (
        "A token for somebody else",
        "A valid token, but its audience is another service.",
        _wrong_audience,
    ),
    (
        "A burst",
        f"{_BURST} calls in a row; Gladly allows ten a second. Nothing in between retries.",
        _burst,
    ),
    ("The evidence", "The audit report of this run, and the verification of its log.", _evidence),
)  # fmt: skip
