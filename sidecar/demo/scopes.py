"""What an endpoint's scope leaves of Gladly, and who does not get in at all."""

from __future__ import annotations

import httpx2

from sidecar.catalog import load
from sidecar.demo import stage
from sidecar.demo.cast import Cast, both, raw, rules
from sidecar.settings import shipped


async def read_only(cast: Cast) -> bool:
    """An endpoint where writing is impossible, not refused."""
    async with cast.agent("read-only", mode="legacy") as agent:
        listed = await agent.tools()
        stage.detail("MCP revision", f"{agent.revision} (the handshake era)")
        stage.detail("agent sees", ", ".join(listed))
        answer = await agent.call("create_a_gladly_task", customer_id="x", body="y")
        stage.detail("agent calls", "create_a_gladly_task")
        stage.detail("agent saw", answer.error)
        rules(cast)
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


async def knowledge(cast: Cast) -> bool:
    """An endpoint of public answers, which reveals no customer."""
    async with cast.agent("knowledge-base") as agent, cast.backend() as direct:
        listed = await agent.tools()
        stage.detail("agent sees", ", ".join(listed))
        _, seen = await both(cast, agent, direct, "list_all_gladly_public_answers")
        return all(
            [
                stage.check(
                    "no tool that can reveal a customer is listed",
                    holds=bool(listed) and not any(map(_reveals_somebody, listed)),
                ),
                stage.check("public answers are read", holds=bool(seen.value)),
            ]
        )


def _reveals_somebody(name: str) -> bool:
    """Whether the catalog knows of personal data in a tool's answers."""
    tool = load([shipped("tool_catalog")]).find(name)
    return not tool.is_known or bool(tool.entities or tool.subjects)


async def expired(cast: Cast) -> bool:
    """An endpoint after its end is as one that never was."""
    answer = await raw(cast, "contractor", cast.bearer)
    stage.detail("agent saw", f"HTTP {answer.status_code} {answer.text}")
    unknown = await raw(cast, "contractor", cast.bearer + "x")
    same = answer.content == unknown.content
    return stage.check("an expired endpoint is gone, as if never there", holds=(
        answer.status_code == httpx2.codes.NOT_FOUND and same
    ))  # fmt: skip


async def wrong_audience(cast: Cast) -> bool:
    """A good token for another service opens nothing."""
    bearer = cast.world.bearer("triage-agent", audience="another-service")
    answer = await raw(cast, "triage", bearer)
    stage.detail("agent saw", f"HTTP {answer.status_code} {answer.text}")
    stage.detail("challenge", answer.headers.get("www-authenticate", "-"))
    stage.detail("audit log", str(cast.last().get("actor", {}).get("auth_error", "-")))
    return stage.check(
        "a token for another service opens nothing",
        holds=answer.status_code == httpx2.codes.UNAUTHORIZED,
    )
