"""The `test_` rules of a folder, run on the embedded engine and, where there is one, on OPA.

A test that fails is merely absent from what its package gives. So the names come from the source,
and each has to be true.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from sidecar.errors import ConfigError, Problem, SidecarError
from sidecar.policy import bundling
from sidecar.policy.bundle import Bundle, read
from sidecar.policy.checking import lint
from sidecar.policy.checking.coverage import Covered, rules
from sidecar.policy.embedded import Probe, parsed
from sidecar.policy.syntax import Module

PATIENCE: Final = 120.0
"""Seconds that OPA has for all tests of a folder."""

Told = Callable[[int, int], None]
"""Is told how many tests are done, of how many."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One test: its name below `data`, file and line, whether it holds, and what was said of it."""

    name: str
    file: str
    line: int
    holds: bool = False
    said: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tested: the whole policy with its tests, and the folder's part of it."""

    bundle: Bundle
    modules: tuple[Module, ...]
    trials: tuple[Trial, ...]


def subject(library: Path, folder: Path | None) -> Subject:
    """Read the library with its tests, and the folder's with its own; whose tests are to run.

    Without a folder those of the library are.

    Raises:
        ConfigError: what cannot be read or parsed, or would never end; every problem.
    """
    folders = [library, *([folder] if folder else [])]
    whole = with_tests(read(folders), folders)
    modules, problems = parsed(whole, folder or library)
    problems += lint.runaway(modules)
    if problems:
        raise ConfigError(problems)
    ours = tuple(m for m in modules if Path(m.file).is_relative_to(folder or library))
    return Subject(whole, ours, tuple(_found(ours)))


def with_tests(bundle: Bundle, folders: Sequence[Path]) -> Bundle:
    """The bundle with the files of tests that lie in these folders, and that it leaves out.

    Raises:
        ConfigError: a file cannot be read.
    """
    texts, problems = [], []
    for path in (path for folder in folders for path in _tests(folder)):
        try:
            texts.append((str(path), path.read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(Problem(str(path), f"cannot be read: {type(error).__name__}"))
    if problems:
        raise ConfigError(problems)
    return replace(bundle, modules=(*bundle.modules, *texts))


def embedded(subject: Subject, told: Told) -> tuple[tuple[Trial, ...], tuple[Covered, ...]]:
    """Run the tests on the embedded engine, and count what of the folder they reached."""
    probe = Probe(subject.bundle)
    done = []
    for number, trial in enumerate(subject.trials, 1):
        try:
            value, printed = probe.ask(f"data.{trial.name}")
            done.append(replace(trial, holds=value is True, said=printed))
        except ConfigError as error:
            done.append(replace(trial, said=str(error.problems[0])))
        told(number, len(subject.trials))
    measured = [module for module in subject.modules if not lint.is_test(module)]
    return tuple(done), tuple(rules(measured, probe.lines()))


def by_opa(subject: Subject, opa: str) -> tuple[Trial, ...]:
    """Run the same tests on a real OPA.

    It is given exactly what the embedded engine was given, whatever else lies in the folders.

    Raises:
        SidecarError: OPA cannot be run, or does not take the policy.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for name, content in bundling.files(subject.bundle).items():
            path = Path(scratch, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        answers = _answers(_ran(opa, scratch, subject.trials))
    return tuple(_judged(trial, answers.get(f"data.{trial.name}")) for trial in subject.trials)


def _tests(folder: Path) -> Iterator[Path]:
    """The files of tests; entries that begin with a dot are skipped, as where rules are read."""
    for path in sorted(folder.rglob("*_test.rego")):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def _found(modules: Sequence[Module]) -> Iterator[Trial]:
    """Each test once, where it is defined first."""
    told = set()
    for module in modules:
        for rule in module.rules:
            name = ".".join(map(str, (*module.package, *rule.path)))
            if str(rule.path[0]).startswith("test_") and name not in told:
                told.add(name)
                yield Trial(name, module.file, rule.line)


def _ran(opa: str, folder: str, trials: Sequence[Trial]) -> bytes:
    packages = sorted({trial.name.rpartition(".")[0] for trial in trials})
    chosen = "|".join(f"^data\\.{package.replace('.', '[.]')}\\." for package in packages)
    command = [opa, "test", "--format", "json", "--run", chosen, "--bundle", folder]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)  # noqa: S603 - the program that the user named
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SidecarError(f"{opa} cannot run the tests: {type(error).__name__}") from None
    if not done.stdout.strip().startswith(b"["):
        said = (done.stderr or done.stdout).decode(errors="replace").replace(f"{folder}/", "")
        raise SidecarError(f"{opa} does not take the policy:\n{said.strip()}")
    return done.stdout


def _answers(said: bytes) -> Mapping[str, Mapping[str, Any]]:
    return {f"{entry['package']}.{entry['name']}": entry for entry in orjson.loads(said)}


def _judged(trial: Trial, answer: Mapping[str, Any] | None) -> Trial:
    if answer is None:
        return replace(trial, said="OPA did not run it")
    holds = not any(answer.get(flag) for flag in ("fail", "error", "skip"))
    return replace(trial, holds=holds, said=str((answer.get("error") or {}).get("message", "")))


def failures(trials: Sequence[Trial], engine: str) -> Iterator[Problem]:
    """The tests that do not hold, with file and line."""
    for trial in trials:
        if not trial.holds:
            what = f"{trial.name} does not hold on {engine}"
            yield Problem(f"{trial.file}:{trial.line}", what, trial.said)
