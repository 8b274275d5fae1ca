"""A security engineer's hour: one rule from a draft to a refusal in the events, with no restart.

One process serves an agent all the while; the engineer has an editor and `sidecar policy`.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import flow
import httpx2
import orjson
import pytest
import tools
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from world import PATIENCE, Behind, caller, logged, served

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

LONGEST = 180.0
ENDPOINT = "read-only"
OTHERS = ("list_all_gladly_inboxes", "list_all_gladly_teams", "list_all_gladly_topics")
WIDE = "list_all_gladly_customers"
REMEDY = "Ask for the telephone number of one customer."

RULE = """\
# METADATA
# title: Lookups
# description: Customers are looked up one by one, by telephone.
package site.rules.arguments.lookups

import data.sidecar.lib.query.tools

# METADATA
# title: Deny
# description: A search for customers without a telephone number.
# custom:
#   code: arguments.lookups
#   message: Customers are looked up one by one here.
#   remedy: Ask for the telephone number of one customer.
#   tools: [list_all_gladly_customers]
deny contains {
	"tool": tool.name,
	"code": "arguments.lookups",
	"message": "Customers are looked up one by one here.",
	"remedy": "Ask for the telephone number of one customer.",
} if {
	some tool in tools
	tool.name == "list_all_gladly_customers"
	not input.arguments.phoneNumber
}
"""
TEST = """\
package site.tests.lookups_test

import data.sidecar.example_test as example
import data.site.rules.arguments.lookups

_asked(arguments) := object.union(
	example.with_tool({"name": "list_all_gladly_customers"}),
	{"arguments": arguments},
)

test_a_lookup_by_telephone_passes if {
	lookups.deny == set() with input as _asked({"phoneNumber": "+14155550198"})
}

test_a_lookup_by_anything_else_is_denied if {
	count(lookups.deny) == 1 with input as _asked({"email": "a@example.com"})
}
"""
EVERYTHING = """\
package site.rules.access.everything

deny contains {"tool": "*", "code": "access.everything", "message": "Closed.", "remedy": "Wait."}
"""


async def _answer(request: Request) -> JSONResponse:
    """The backend: every tool gives nothing, and a list names all that there are."""
    asked = await request.json()
    result: Any = {"content": [], "structuredContent": {}, "isError": False}
    if asked["method"] == "tools/list":
        names = (*OTHERS, WIDE)
        result = {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in names]}
    return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": result})


@pytest.fixture
def backend() -> Iterator[str]:
    with served(Starlette(routes=[Route("/mcp", _answer, methods=["POST"])])) as url:
        yield f"{url}/mcp"


class Ran(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


class Desk:
    """Where the engineer sits: a world that serves, its folders, and the commands."""

    def __init__(self, world: Behind, http: httpx2.AsyncClient) -> None:
        self.world = world
        self._http = http
        self.live = world.folder / "policy"
        self.draft = world.folder / "draft"
        self.config = world.folder / "sidecar.yaml"

    async def sidecar(self, *words: str | Path) -> Ran:
        """Run a command to its end."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sidecar", *map(str, words), stdout=PIPE, stderr=PIPE
        )
        out, err = await asyncio.wait_for(process.communicate(), 4 * PATIENCE)
        return Ran(process.returncode or 0, out.decode(), err.decode())

    def write(self, name: str, text: str, folder: Path | None = None) -> None:
        """Put a file whole into the folder that serves, or another."""
        folder = folder or self.live
        (new := folder / f".{name}").write_text(text)
        new.replace(folder / name)

    async def call(self, tool: str, **arguments: Any) -> tuple[bool, str]:
        """Whether a call is answered with an error, and its text."""
        body, headers = flow.modern(flow.call(tool, **arguments))
        reply = await self._http.post(self.world.url(ENDPOINT), json=body, headers=headers)
        assert reply.status_code == httpx2.codes.OK, reply.text
        answer = reply.json()
        if "error" in answer:
            return True, answer["error"]["message"]
        result = answer["result"]
        return result["isError"], "".join(part["text"] for part in result["content"])

    async def traffic(self, times: int = 4) -> None:
        """Calls that no rule of the hour is about."""
        for _ in range(times):
            for tool in OTHERS:
                assert not (await self.call(tool))[0]

    async def admin(self, path: str) -> str:
        """What the admin listener says."""
        port = yaml.safe_load(self.config.read_text())["admin"]["port"]
        async with httpx2.AsyncClient(trust_env=False) as http:
            return (await http.get(f"http://127.0.0.1:{port}{path}")).text

    async def until(self, path: str, holds: Callable[[str], Any]) -> str:
        """Ask the admin listener until what it says is so; gives that."""
        async with asyncio.timeout(PATIENCE):
            while not holds(text := await self.admin(path)):
                pass
        return text

    async def is_live(self, sha256: str) -> None:
        """Wait until the policy with this digest, or its first digits, decides."""
        await self.until("/metrics", lambda text: f'policy_info{{digest="{sha256}' in text)

    async def checked(self, folder: Path) -> str:
        """Check a folder that is good; gives the digits by which its policy is known."""
        ran = await self.sidecar("policy", "check", folder, "--strict")
        assert (ran.code, ran.err) == (0, "")
        return ran.out.split()[-1]

    def last(self) -> dict[str, Any]:
        """The newest outcome in the audit log."""
        return logged(self.world)[-1]


@asynccontextmanager
async def desk(world: Behind) -> AsyncIterator[Desk]:
    """A sidecar that serves, and some of the day's traffic behind it."""
    async with asyncio.timeout(LONGEST), world:
        async with caller(world.bearer("desk-agent")) as http:
            at = Desk(world, http)
            await at.traffic()
            yield at
        assert world.process.returncode is None
    await world.stop_sidecar()


def _told(world: Behind) -> list[str]:
    """The sidecar's starts, and what became of policies, as the log has it."""
    records = map(orjson.loads, world.audit_log.read_bytes().splitlines())
    what = [record["data"]["what"] for record in records if record["stage"] == "lifecycle"]
    return [word for word in what if word in {"start", "policy_changed", "policy_held"}]


async def drafted(at: Desk, wide: str) -> None:
    """A draft of one file: the typo is caught, the tests hold, the replay names the call."""
    shutil.copytree(at.live, at.draft)
    at.write("lookups.rego", RULE.replace("gladly_customers", "gladly_custmers"), at.draft)
    ran = await at.sidecar("policy", "check", at.draft)
    line = 1 + RULE.splitlines().index('\ttool.name == "list_all_gladly_customers"')
    (told,) = [one for one in ran.err.splitlines() if f"lookups.rego:{line}: " in one]
    assert ran.code == 1
    assert "list_all_gladly_custmers" in told
    assert "did you mean list_all_gladly_customers?" in told
    at.write("lookups.rego", RULE, at.draft)
    at.write("lookups_test.rego", TEST, at.draft)
    await at.checked(at.draft)
    opa = tools.require("opa")
    ran = await at.sidecar("policy", "test", at.draft, "--opa", opa, "--threshold", "100")
    assert (ran.code, ran.out.count("2 of 2 tests hold")) == (0, 2), ran
    ran = await at.sidecar("policy", "replay", at.world.audit_log.parent, "--against", at.draft)
    assert (ran.code, ran.err) == (1, "")
    _, _, found = ran.out.partition("newly refused: 1 call(s)")
    assert re.search(rf"{WIDE} +by .*desk-agent\s+arguments\.lookups\s+{wide}\b", found), ran.out


async def shadowed(at: Desk) -> None:
    """In shadow it refuses nobody, and events, query, report and numbers say what it would."""
    data = yaml.safe_load((at.live / "data.yaml").read_text())
    data["site"]["config"]["shadow_rules"] = ["arguments.lookups"]
    at.write("data.yaml", yaml.safe_dump(data), at.draft)
    digits = await at.checked(at.draft)
    # The data first: a rule that was read before its name stands there would count.
    for file in sorted(at.draft.iterdir()):
        at.write(file.name, file.read_text())
    await at.is_live(digits)
    assert not (await at.call(WIDE))[0]
    event = at.last()
    assert event["decision"]["policy_sha256"].startswith(digits)
    assert event["decision"]["shadow"]["result"] == "deny"
    assert event["decision"]["shadow"]["denials"] == ["arguments.lookups"]
    log = at.world.audit_log.parent
    query = await at.sidecar("audit", "query", log, "--would", "deny")
    assert (query.code, event["ref"] in query.out) == (0, True), query
    report = await at.sidecar("audit", "report", log)
    assert "arguments.lookups" in report.out.partition("Would be refused")[2]
    assert 'sidecar_shadow_decisions_total{result="deny"' in await at.admin("/metrics")
    await at.traffic()


async def promoted(at: Desk) -> None:
    """Without its name in the data the rule counts, is told to the agent, and stands in events."""
    shutil.copy(at.world.folder / "data.before", at.draft / "data.yaml")
    digits = await at.checked(at.draft)
    at.write("data.yaml", (at.draft / "data.yaml").read_text())
    await at.is_live(digits)
    is_refused, text = await at.call(WIDE)
    assert is_refused
    assert f"arguments.lookups: Customers are looked up one by one here. {REMEDY}" in text
    (denial,) = at.last()["decision"]["denials"]
    assert denial["code"] == "arguments.lookups"
    assert not (await at.call(WIDE, phoneNumber="+14155550198"))[0]


async def guarded(at: Desk, said: Callable[[], str]) -> None:
    """What refuses everything waits for a word, is told of, and is gone as soon as it is mended."""
    at.write("everything.rego", EVERYTHING)
    ready = await at.until("/readyz", lambda text: "is held back" in text)
    (digits,) = re.findall(r"`sidecar policy confirm ([0-9a-f]{12}) --config FILE`", ready)
    assert f"policy: {digits} is held back: it would turn" in said()
    await at.traffic(1)
    confirmed = await at.sidecar("policy", "confirm", digits, "--config", at.config)
    assert (confirmed.code, confirmed.err) == (0, "")
    await at.is_live(digits)
    await at.until("/readyz", lambda text: text == "ok\n")
    assert await at.call(OTHERS[0]) == (True, f"Unknown tool: {OTHERS[0]}")
    (at.live / "everything.rego").unlink()
    await at.is_live(await at.checked(at.live))
    assert await at.admin("/readyz") == "ok\n"
    await at.traffic(1)


async def test_must_hold_a_security_engineers_hour_needs_no_restart_and_is_found_in_the_events(
    backend, tmp_path, capfd
):
    said: list[str] = []

    def log() -> str:
        said.append(capfd.readouterr().err)
        return "".join(said)

    async with desk(Behind(tmp_path, backend)) as at:
        shutil.copy(at.live / "data.yaml", tmp_path / "data.before")
        assert not (await at.call(WIDE))[0]
        await drafted(at, at.last()["ref"])
        await shadowed(at)
        await promoted(at)
        await guarded(at, log)
    assert _told(at.world) == [
        "start", "policy_changed", "policy_changed", "policy_held", "policy_changed",
        "policy_changed",
    ]  # fmt: skip
