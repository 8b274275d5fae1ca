"""From file and environment to Settings, or to every problem at once.

Values of settings never appear in a problem: not in ours, and nothing of pydantic's `input`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource

from sidecar.errors import ConfigError, Problem
from sidecar.settings.document import Document, Place, dotted, read, shown
from sidecar.settings.kinds import CHECKED, Fault
from sidecar.settings.table import rows
from sidecar.settings.whole import Settings, across

PREFIX = "SIDECAR_"

# Kubernetes adds these for a service called sidecar, or sidecar-anything; they are no settings.
_SERVICE = re.compile(r".*SERVICE_(HOST|PORT(_.*)?)|(.*_)?PORT_\d+_(TCP|UDP|SCTP)(_.*)?")
_WORDS = (
    ("Input should", "should"),
    ("String", "text"),
    ("a valid tuple", "a list"),
    ("a valid dictionary or instance of", "a mapping:"),
)
_SERVICE_VALUE = re.compile(r"(tcp|udp|sctp)://.*")


def load(file: Path | None) -> Settings:
    """Read the settings: the file's, overridden by the environment's `SIDECAR_SECTION__KEY`.

    Relative paths in settings start at the working directory.

    Raises:
        ConfigError: With every problem found, each with the file's line or the variable's name.
    """
    document = read(file) if file else Document()
    names = dict(_variables(os.environ))  # noqa: TID251  this is the one reader
    origins = _Origins(document, names)
    # The sections that must be there start empty, so that each missing key is told by name.
    values = _merged({"backend": {}, "audit": {}}, document.values)
    values = _merged(values, _Environment.values())
    found = [*document.problems, *_unknown_variables(names), *origins.unknown_sections()]
    settings, errors = _validated(values)
    found += [problem for error in errors for problem in origins.problems(error)]
    sections = _valid_sections(values, errors)
    found += [origins.problem(place, fault) for place, fault in across(sections)]
    if found or settings is None:
        raise ConfigError(found)
    return settings


class _Environment(EnvSettingsSource):
    """pydantic's reader; a list that is no JSON stays text, and its setting complains itself."""

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value

    @classmethod
    def values(cls) -> dict[str, Any]:
        """What the environment sets; an empty variable sets nothing."""
        return cls(Settings, env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True)()


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[Place, str]]:
    for name, value in environ.items():
        rest = name.upper().removeprefix(PREFIX)
        if rest == name.upper() or not value:
            continue
        if not (_SERVICE.fullmatch(rest) or _SERVICE_VALUE.match(value)):
            yield tuple(rest.lower().split("__")), name


def _unknown_variables(names: Mapping[Place, str]) -> Iterator[Problem]:
    """Variables whose first part is no section; pydantic reports those below a section."""
    for place, name in names.items():
        if place[0] not in Settings.model_fields:
            yield Problem(name, "is no setting", _nearest(".".join(map(str, place))))


def _merged(low: dict[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(low)
    for key, value in high.items():
        below = out.get(key)
        is_both = isinstance(below, dict) and isinstance(value, dict)
        out[key] = _merged(below, value) if is_both and below is not None else value
    return out


def _validated(values: dict[str, Any]) -> tuple[Settings | None, list[ErrorDetails]]:
    # Settings' own arguments, such as pydantic's `_env_file`, are out of a file's reach.
    known = {name: value for name, value in values.items() if name in Settings.model_fields}
    try:
        return Settings(**known), []
    except ValidationError as error:
        return None, error.errors(include_input=False, include_url=False)


def _valid_sections(values: dict[str, Any], errors: Iterable[ErrorDetails]) -> dict[str, Any]:
    """The sections without an error of their own, validated one by one."""
    bad = {error["loc"][0] for error in errors if error["loc"]}
    fields = {name: f for name, f in Settings.model_fields.items() if name not in bad}
    return {name: _section(field, values.get(name)) for name, field in fields.items()}


def _section(field: FieldInfo, value: Any) -> Any:
    annotation: Any = field.annotation
    return field.default if value is None else TypeAdapter(annotation).validate_python(value)


@dataclass(frozen=True, slots=True)
class _Origins:
    """Where each value came from, to say so in a problem."""

    document: Document
    names: Mapping[Place, str]

    def problems(self, error: ErrorDetails) -> Iterator[Problem]:
        """Turn one of pydantic's errors into ours."""
        place: Place = error["loc"]
        if error["type"] == CHECKED:
            for fault in error["ctx"]["faults"]:
                yield self.problem(place, fault)
        elif error["type"] == "extra_forbidden":
            yield self._unknown(place)
        elif error["type"] == "missing":
            yield Problem(self._where(place, place), "is required", self._variable(place))
        else:
            what = error["msg"]
            for pydantics, ours in _WORDS:
                what = what.replace(pydantics, ours)
            yield Problem(self._where(place, place), what, self._hint(place, error["type"]))

    def unknown_sections(self) -> Iterator[Problem]:
        """The file's keys that are neither a section nor a setting of the first level."""
        for key in self.document.values:
            if key not in Settings.model_fields:
                yield self._unknown((key,))

    def _unknown(self, place: Place) -> Problem:
        hidden = (*place[:-1], shown(str(place[-1])))
        return Problem(self._where(place, hidden), "is no setting", _nearest(dotted(hidden)))

    def problem(self, place: Place, fault: Fault) -> Problem:
        """Turn a fault below a place into a problem."""
        at = (*place, fault.key) if fault.key else place
        return Problem(self._where(at, at), fault.what, fault.remedy)

    def _where(self, place: Place, shown_place: Place) -> str:
        for length in range(len(place), -1, -1):
            part = place[:length]
            if name := self.names.get(part):
                return name if part == place else f"{name} {dotted(shown_place)}"
            if part in self.document.lines and not self._is_overridden(part):
                line = self.document.lines[part]
                return f"{self.document.name}:{line} {dotted(shown_place)}"
        return dotted(shown_place)

    def _is_overridden(self, place: Place) -> bool:
        return any(place[: len(above)] == above for above in self.names)

    def _variable(self, place: Place) -> str:
        if any(isinstance(part, int) for part in place):
            return ""
        return f"set it, or {PREFIX}{'__'.join(str(part).upper() for part in place)}"

    def _hint(self, place: Place, kind: str) -> str:
        is_from_environment = any(self.names.get(place[:n]) for n in range(len(place) + 1))
        is_structure = kind in {"tuple_type", "model_type", "model_attributes_type"}
        return "write JSON" if is_structure and is_from_environment else ""


def _nearest(name: str) -> str:
    """The known setting that somebody most likely meant by an unknown name."""
    settings = sorted(row.name.replace("[]", "") for row in rows())
    plain = re.sub(r"\[\d+\]", "", name)
    parent, _, last = plain.rpartition(".")
    known = sorted({*settings, *Settings.model_fields})
    siblings = {k.rpartition(".")[2]: k for k in known if k.rpartition(".")[0] == parent}
    anywhere = {k.rpartition(".")[2]: k for k in known}
    for wanted, candidates in ((last, siblings), (last, anywhere), (plain, {k: k for k in known})):
        if near := get_close_matches(wanted, candidates, n=1, cutoff=0.75):
            return f"did you mean {candidates[near[0]]}?"
    return "known here: " + ", ".join(siblings) if siblings else ""
