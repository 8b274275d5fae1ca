"""Fuzzing of every reader of bytes: built inputs in each run, long campaigns in the nightly one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import tools
from fuzz import harness, reference, strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sidecar import sse
from sidecar.errors import BackendFailed

TESTS: Final = Path(__file__).parent
EXAMPLES: Final = 300
CAMPAIGN: Final = 120
"""Seconds of each campaign that coverage leads."""

NIGHTLY: Final = settings(settings.get_profile("nightly"), suppress_health_check=list(HealthCheck))


def fuzz(target: str, how: settings) -> None:
    """Try a target with many built inputs; the smallest that breaks a promise is shown."""

    @how
    @given(strategies.BY_TARGET[target])
    def keeps_its_promises(data: bytes) -> None:
        harness.TARGETS[target](data)

    keeps_its_promises()


@pytest.mark.thorough
@pytest.mark.parametrize("target", harness.TARGETS)
def test_a_reader_keeps_its_promises_for_built_inputs(target):
    fuzz(
        target,
        settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck)),
    )


@pytest.mark.nightly
@pytest.mark.parametrize("target", harness.TARGETS)
def test_a_reader_keeps_its_promises_for_many_inputs(target):
    fuzz(target, NIGHTLY)


@pytest.mark.nightly
@pytest.mark.parametrize("target", harness.TARGETS)
def test_a_reader_keeps_its_promises_where_coverage_leads(target, tmp_path):
    atheris = tools.require("atheris").parents[1]
    command = [sys.executable, "-m", "fuzz.campaign", target, str(CAMPAIGN), str(tmp_path)]
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent), *sys.path, str(atheris)])
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": paths},
        capture_output=True,
        timeout=CAMPAIGN * 3,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]


class Stream(RuleBasedStateMachine):
    """A stream that comes in any pieces: after each, exactly the complete events were given."""

    @initialize(most=st.sampled_from([8, 40, 1 << 16]))
    def begins(self, most: int) -> None:
        self.most = most
        self.parser = sse.Parser(most)
        self.raw = b""
        self.found: list[sse.ServerEvent] = []
        self.is_refused = False

    @rule(piece=st.one_of(st.binary(max_size=6), strategies.streams.map(lambda raw: raw[1:])))
    def comes(self, piece: bytes) -> None:
        if self.is_refused:
            return
        self.raw += piece
        try:
            self.found += self.parser.feed(piece)
        except BackendFailed:
            self.is_refused = True

    @rule(end=st.sampled_from([b"\r", b"\n", b"\r\n", b"\xef\xbb\xbf"]))
    def comes_a_line_end(self, end: bytes) -> None:
        self.comes(end)

    @invariant()
    def the_reference_agrees(self) -> None:
        expected: Any = reference.events(self.raw, self.most)
        if len(self.raw) > 2 or not b"\xef\xbb\xbf".startswith(self.raw):
            assert self.is_refused == (expected is None)
            assert self.is_refused or self.found == expected


TestStream = Stream.TestCase
TestStream.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


def test_the_targets_have_inputs_and_seeds():
    from fuzz import campaign

    assert harness.TARGETS.keys() == strategies.BY_TARGET.keys() == campaign.SEEDS.keys()
    for target, seeds in campaign.SEEDS.items():
        for seed in seeds:
            harness.TARGETS[target](seed)
