"""Run the suite against a URL, and read what it found: one line for each check of each scenario."""

from __future__ import annotations

import asyncio
import json
import re
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tools

PROGRAM: Final = "@modelcontextprotocol/conformance/dist/index.js"
LONGEST: Final = 60.0
"""Seconds that one run may take."""
_FOLDER: Final = re.compile(r"server-(?P<scenario>.+)-\d{4}-\d\d-\d\dT[\d-]+Z")


@dataclass(frozen=True, slots=True)
class Check:
    """What one check of a scenario found; `said` is the suite's explanation of a failure."""

    scenario: str
    name: str
    status: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """What all scenarios of one run found."""

    checks: dict[tuple[str, str, int], Check]
    """By scenario, id of the check, and number among those of the same id."""

    @property
    def passed(self) -> int:
        """How many checks were passed."""
        return self._count("SUCCESS")

    def __str__(self) -> str:
        """How many checks passed, and how many did not."""
        return f"{self.passed} passed, {self._count('FAILURE', 'WARNING')} failed"

    def _count(self, *statuses: str) -> int:
        return sum(check.status in statuses for check in self.checks.values())


async def run(url: str, asked: Sequence[str], folder: Path) -> Score:
    """Run the scenarios `asked` for on a server; the suite's own files are left in `folder`."""
    program = tools.require("npm-packages") / PROGRAM
    process = await asyncio.create_subprocess_exec(
        tools.require("node"), program, "server", "--url", url, *asked, "-o", folder,
        stdin=DEVNULL, stdout=PIPE, stderr=STDOUT,
    )  # fmt: skip
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), LONGEST)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert "Total:" in printed.decode(), printed.decode()[-2000:]
    return score(folder)


def score(folder: Path) -> Score:
    """Read the files that a run has left."""
    found: dict[tuple[str, str, int], Check] = {}
    for file in sorted(folder.glob("*/checks.json")):
        named = _FOLDER.fullmatch(file.parent.name)
        assert named is not None, file
        seen: Counter[str] = Counter()
        for check in json.loads(file.read_text()):
            key = (named["scenario"], check["id"], seen[check["id"]])
            seen[check["id"]] += 1
            found[key] = Check(
                key[0], check["name"], check["status"], check.get("errorMessage", "")
            )
    return Score(found)


def differences(direct: Score, through: Score) -> list[str]:
    """The checks that found something else through the sidecar, a line each."""
    lines = []
    for key in sorted(direct.checks.keys() | through.checks.keys()):
        one, other = direct.checks.get(key), through.checks.get(key)
        before, after = (c.status if c else "not run" for c in (one, other))
        if before != after:
            said = other.said if other else ""
            lines.append(f"{key[0]}: {key[1]} ({key[2]}): {before} -> {after}  {said}".rstrip())
    return lines
