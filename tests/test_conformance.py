"""The official MCP conformance suite finds the same through the sidecar as without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tools
from conformance import suite
from conformance.stage import Stage
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from world import staged

LEGS = {
    "2025-06-18": (("--suite", "all", "--spec-version", "2025-06-18"), 56),
    "2025-11-25": (("--requirements", "2025-11-25"), 84),
    "2026-07-28": (("--requirements", "2026-07-28"), 196),
}
"""By revision: which scenarios are asked for, and how many checks pass, with and without us."""

SHAPES = (
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    server = tools.require("everything-server").parents[1]
    tools.require("npm-packages")
    with staged(Stage(tmp_path_factory.mktemp("conformance"), server)) as up:
        yield up


@pytest.mark.anyio
@pytest.mark.sockets
@pytest.mark.parametrize("revision", LEGS)
async def test_every_check_finds_the_same_through_the_sidecar(stage, tmp_path, revision):
    asked, expected = LEGS[revision]
    direct = await suite.run(stage.direct_url, asked, tmp_path / "direct")
    through = await suite.run(stage.through_url, asked, tmp_path / "through")
    print(f"{revision}  direct: {direct}; through the sidecar: {through}")
    lines = suite.differences(direct, through)
    assert not lines, "\n".join(lines)
    assert str(through) == f"{expected} passed, 0 failed"


async def visited(url: str, mode: str) -> list[Any]:
    """The list of tools, and results that bear every kind of content."""
    async with Client(streamable_http_client(url), mode=mode) as client:
        found = [(await client.list_tools()).tools]
        return found + [await client.call_tool(name, {}) for name in SHAPES]


@pytest.mark.anyio
@pytest.mark.sockets
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_nothing_is_altered_where_policy_keeps_everything(stage, mode):
    """The suite looks at shapes; here every schema keyword and every byte of base64 is compared."""
    assert await visited(stage.through_url, mode) == await visited(stage.direct_url, mode)


def left(folder: Path, scenario: str, *statuses: str) -> None:
    """Write what a run leaves of a scenario."""
    checks = [{"id": "answers", "name": "Answers", "status": status} for status in statuses]
    home = folder / f"server-{scenario}-2026-01-02T03-04-05-678Z"
    home.mkdir(parents=True)
    (home / "checks.json").write_text(json.dumps(checks))


def test_a_check_that_fails_is_missing_or_new_is_a_difference(tmp_path):
    left(tmp_path / "direct", "ping-2", "SUCCESS", "SUCCESS", "SUCCESS")
    left(tmp_path / "through", "ping-2", "SUCCESS", "FAILURE")
    left(tmp_path / "through", "tools", "WARNING")
    direct, through = suite.score(tmp_path / "direct"), suite.score(tmp_path / "through")
    assert suite.differences(direct, direct) == []
    assert suite.differences(direct, through) == [
        "ping-2: answers (1): SUCCESS -> FAILURE",
        "ping-2: answers (2): SUCCESS -> not run",
        "tools: answers (0): not run -> WARNING",
    ]
    assert str(through) == "1 passed, 2 failed"
