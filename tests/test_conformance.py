"""The official MCP conformance suite finds the same through the sidecar as without it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import tools
from conformance import suite
from conformance.stage import Stage
from world import staged

pytestmark = [pytest.mark.anyio, pytest.mark.sockets]

REQUIRED = {"2025-11-25": 84, "2026-07-28": 160}
"""The revisions, and how many checks at least pass: a run that hardly ran would prove nothing."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    server = tools.require("everything-server").parents[1]
    tools.require("npm-packages")
    with staged(Stage(tmp_path_factory.mktemp("conformance"), server)) as up:
        yield up


@pytest.mark.parametrize("revision", REQUIRED)
async def test_every_check_finds_the_same_through_the_sidecar(stage, tmp_path, revision):
    direct = await suite.run(stage.direct_url, revision, tmp_path / "direct")
    through = await suite.run(stage.through_url, revision, tmp_path / "through")
    print(f"{revision}  direct: {direct}; through the sidecar: {through}")
    lines = suite.differences(direct, through)
    assert not lines, "\n".join(lines)
    assert direct.passed >= REQUIRED[revision]
