"""The end of a log as it is written: whole lines, each once, over rotations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_audit_event import intent, line_of

from sidecar import audit
from sidecar.errors import ConfigError


class Log:
    """A log that grows and rotates by hand; `steps` are what happens while a reader waits."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seq, self.first = folder, 0, 1
        folder.mkdir(exist_ok=True)
        self.live.touch()

    @property
    def live(self) -> Path:
        return self.folder / "audit.jsonl"

    def write(self, count: int = 1) -> None:
        with self.live.open("ab") as file:
            for _ in range(count):
                self.seq += 1
                file.write(line_of(intent(), seq=self.seq))

    def rotate(self) -> None:
        if self.seq >= self.first:
            self.live.rename(self.folder / f"audit.{self.first:012d}.jsonl")
            self.first = self.seq + 1
            self.live.touch()


def read(log: Log, count: int, *steps: Callable[[], None]) -> list[int]:
    waiting = iter(steps)

    def wait() -> bool:
        step = next(waiting, None)
        if step is not None:
            step()
        return step is not None

    return [orjson.loads(raw)["seq"] for raw in audit.follow(log.folder, count, wait)]


@pytest.mark.parametrize(("count", "expected"), [(1, [9]), (3, [7, 8, 9]), (99, [*range(1, 10)])])
def test_a_reader_begins_with_the_last_lines(tmp_path, count, expected):
    log = Log(tmp_path)
    log.write(9)
    assert read(log, count) == expected


def test_the_last_lines_are_found_in_a_long_file(tmp_path):
    log = Log(tmp_path)
    log.write(400)
    assert log.live.stat().st_size > 1 << 17
    assert read(log, 300) == [*range(101, 401)]


def test_half_a_line_waits_until_it_is_whole(tmp_path):
    log = Log(tmp_path)
    log.write()
    whole = line_of(intent(), seq=2)

    def add(piece: bytes) -> Callable[[], None]:
        def step() -> None:
            with log.live.open("ab") as file:
                file.write(piece)

        return step

    assert read(log, 5, add(whole[:50]), add(b""), add(whole[50:])) == [1, 2]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.lists(st.sampled_from(["write", "rotate"]), max_size=6), max_size=6))
def test_every_line_comes_once_however_often_the_log_rotates_between_two_looks(
    tmp_path_factory, rounds
):
    log = Log(tmp_path_factory.mktemp("rotating"))
    log.write()

    def step(moves: list[str]) -> Callable[[], None]:
        def take() -> None:
            for move in moves:
                getattr(log, move)()

        return take

    steps = [step(moves) for moves in rounds]
    assert read(log, 5, *steps, lambda: None, lambda: None) == [*range(1, log.seq + 1)]


def test_a_log_that_is_not_there_is_a_problem(tmp_path):
    following = audit.follow(tmp_path, 5, lambda: False)
    with pytest.raises(ConfigError, match="cannot be read"):
        next(following)
