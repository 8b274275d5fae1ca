"""Rego in this process. The only module that knows regorus, and all its traps with it.

- Undefined comes back as the truthy JSON string "<undefined>": only an object is believed.
- After a failed `set_input_json` the previous input stays: an engine is thrown away on any error.
- A panic is a BaseException and leaves the engine broken: caught here, the engine thrown away.
- An engine belongs to the thread that made it: a use from another thread would panic, and so would
  dropping it there; neither is tried.
- What a rule prints goes to standard error as it is, arguments included: gathered and dropped.
- It holds the GIL while it evaluates and knows no time limit: the input is capped instead.
- Unsafe variables and unknown functions show only when reached: `check` evaluates at load.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
import regorus

from sidecar.errors import ConfigError, OrganDown, Problem
from sidecar.policy import rehearsal, syntax
from sidecar.policy.bundle import Bundle
from sidecar.policy.shadow import live
from sidecar.policy.syntax import Module

ENTRYPOINT: Final = "data.sidecar.main.said"
"""The one rule that is asked."""

MAX_INPUT: Final = 1024 * 1024
"""Largest input document in bytes: about 0.2 s of evaluation at worst."""

_POSITION: Final = re.compile(r"-->\s*(?P<file>.+?):(?P<line>\d+):(?P<column>\d+)")
_UNDEFINED: Final = "undefined variable"
_IMPORT: Final = "mend the name, or import it, such as data.sidecar.lib.query.tools"
_REASON: Final = re.compile(r"^(?:error|.*?\berror): (?P<reason>.+)$", re.MULTILINE)


_ABANDONED: Final[list[Any]] = []
"""Engines that garbage collection found in another thread than theirs; there are few, if any."""


class Lines(NamedTuple):
    """Lines of one file, from one on: those that ran, and those that could have and did not."""

    run: frozenset[int]
    passed_over: frozenset[int]


class _Engine:
    """A regorus engine and the thread that made it. Every reference to the engine is in here."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.raw = regorus.Engine()
        self.raw.set_gather_prints(True)

    # Bound here, since at the interpreter's end the module's own names are gone.
    def __del__(
        self, ident: Callable[[], int] = threading.get_ident, left: list[Any] = _ABANDONED
    ) -> None:
        """Leave the engine for good if another thread collects it: dropping it there panics."""
        if ident() != self.thread:
            left.append(self.raw)

    def ask(self, text: str) -> Any:
        """Evaluate the entrypoint for an input document."""
        self.raw.set_input_json(text)
        try:
            return orjson.loads(self.raw.eval_rule_as_json(ENTRYPOINT))
        finally:
            self.raw.take_prints()


class Embedded:
    """An engine for the thread that makes it. Raises ConfigError when the bundle cannot run.

    Rules that the bundle has in shadow are not evaluated: `shadow.promoted` is where they are. A
    bundle that `is_tried` was rehearsed by another engine: that takes ten times as long.
    """

    def __init__(self, bundle: Bundle, *, is_tried: bool = False) -> None:
        self._bundle = live(bundle)
        self._thread = threading.get_ident()
        self._engine: _Engine | None = _load(self._bundle)
        if not is_tried:
            self._check(self._engine)

    @property
    def policy_sha256(self) -> str:
        """Digest of the bundle."""
        return self._bundle.sha256

    async def evaluate(self, document: dict[str, Any]) -> Any:
        """Evaluate the entrypoint once, on this thread.

        Raises:
            OrganDown: input too large or not representable, an evaluation error, a panic, another
                thread than the engine's.
        """
        if threading.get_ident() != self._thread:
            raise OrganDown("the policy engine is another thread's", reason="policy_failed")
        try:
            raw = orjson.dumps(document)
        except TypeError:
            raise OrganDown("facts cannot be written", reason="policy_input") from None
        if len(raw) > MAX_INPUT:
            raise OrganDown(f"facts exceed {MAX_INPUT} bytes", reason="policy_input")
        if self._engine is None:
            self._engine = _load(self._bundle)
        try:
            return self._engine.ask(raw.decode())
        except BaseException as error:
            self._engine = None
            if not _is_engines_own(error):
                raise
            raise OrganDown("the policy engine failed", reason="policy_failed") from None

    def _check(self, engine: _Engine) -> None:
        """Rehearse: what shows only when a rule is reached shows here, before it serves."""
        told: dict[str, Problem] = {}
        for document in rehearsal.DOCUMENTS:
            try:
                answer = engine.ask(orjson.dumps(document).decode())
            except BaseException as error:
                if not _is_engines_own(error):
                    raise
                raise ConfigError([_problem(str(error), self._bundle)]) from None
            if not isinstance(answer, dict) or not isinstance(answer.get("denials"), list):
                raise ConfigError([_no_entrypoint(self._bundle)])
            told |= {problem.what: problem for problem in rehearsal.judged(answer)}
        if told:
            raise ConfigError(list(told.values()))


def parsed(bundle: Bundle, folder: Path | None) -> tuple[tuple[Module, ...], list[Problem]]:
    """Read the syntax of every module that has one; each that has none is a problem.

    What modules refer to is read of those in the folder alone.
    """
    engine, problems = _filled(bundle)
    modules = [
        syntax.module(entry, has_references=_is_in(entry["source"]["file"], folder))
        for entry in orjson.loads(engine.raw.get_ast_as_json())
    ]
    return tuple(modules), problems


def _is_in(file: str, folder: Path | None) -> bool:
    return folder is not None and Path(file).is_relative_to(folder)


def _load(bundle: Bundle) -> _Engine:
    """Load a fresh engine; every module that does not parse is one problem."""
    engine, problems = _filled(bundle)
    if problems:
        raise ConfigError(problems)
    engine.raw.add_data_json(orjson.dumps(bundle.data).decode())
    return engine


def _filled(bundle: Bundle) -> tuple[_Engine, list[Problem]]:
    problems = []
    engine = _Engine()
    for path, text in bundle.modules:
        try:
            engine.raw.add_policy(path, text)
        except RuntimeError as error:
            problems.append(_problem(str(error), bundle, path))
    return engine, problems


def _is_engines_own(error: BaseException) -> bool:
    """Whether regorus raised: an ordinary error, or a Rust panic in its BaseException."""
    return isinstance(error, RuntimeError | ValueError) or type(error).__name__ == "PanicException"


def _no_entrypoint(bundle: Bundle) -> Problem:
    remedy = "keep the library's main package"
    return Problem(bundle.modules[0][0], f"{ENTRYPOINT} is not defined", remedy)


def _problem(text: str, bundle: Bundle, path: str = "") -> Problem:
    """Turn regorus' picture of an error into file, line and reason."""
    if "not a valid rule path" in text:
        return _no_entrypoint(bundle)
    position = _POSITION.search(text)
    reasons = _REASON.findall(text)
    where = path or bundle.modules[0][0]
    if position:
        where = f"{position['file'].strip()}:{position['line']}"
    what = reasons[-1].strip() if reasons else "does not load"
    return Problem(where, what, _IMPORT if _UNDEFINED in what else "see `opa check`")


class Probe:
    """An engine for tests, checks and questions: it evaluates any rule, and notes its lines.

    Slower than the one that serves. Raises ConfigError when a module does not parse. What may run
    away must be kept from it.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._reached: dict[str, set[int]] = {}
        self._missed: dict[str, set[int]] = {}
        self._engine = self._fresh()

    def modules(self) -> tuple[Module, ...]:
        """The syntax of every module, with what each rule refers to."""
        return tuple(map(syntax.module, orjson.loads(self._engine.raw.get_ast_as_json())))

    def put(self, document: Any) -> None:
        """Take this for the input from now on. Raises ConfigError as `ask` does."""
        self._attempt(lambda raw: raw.set_input_json(orjson.dumps(document).decode()))

    def ask(self, rule: str = ENTRYPOINT) -> tuple[Any, str]:
        """The value of a rule, None when it is undefined, and what it printed.

        Raises:
            ConfigError: the evaluation failed; the input is forgotten.
        """
        answer = self._attempt(lambda raw: raw.eval_rule_as_json(rule))
        printed = "\n".join(self._engine.raw.take_prints())
        value = orjson.loads(answer)
        return (None if value == "<undefined>" else value), printed

    def lines(self) -> dict[str, Lines]:
        """By file, the lines that ran since the last `forget`, and those that did not."""
        self._note()
        return {
            file: Lines(frozenset(reached), frozenset(self._missed[file] - reached))
            for file, reached in self._reached.items()
        }

    def forget(self) -> None:
        """Count the lines from here on."""
        self._engine.raw.clear_coverage_data()
        self._reached.clear()
        self._missed.clear()

    def _attempt(self, do: Callable[[Any], Any]) -> Any:
        try:
            return do(self._engine.raw)
        except BaseException as error:
            if not _is_engines_own(error):
                raise
            self._note()
            self._engine = self._fresh()
            raise ConfigError([_problem(str(error), self._bundle)]) from None

    def _fresh(self) -> _Engine:
        engine = _load(self._bundle)
        engine.raw.set_enable_coverage(True)
        return engine

    def _note(self) -> None:
        for file in orjson.loads(self._engine.raw.get_coverage_report_as_json())["files"]:
            self._reached.setdefault(file["path"], set()).update(file["covered"])
            self._missed.setdefault(file["path"], set()).update(file["not_covered"])
