"""What the rest of the program sees of a row: frozen, and made once."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from sidecar.model import ArgumentMarks, JsonObject, PersonalData, Subject, Tool


@dataclass(frozen=True, slots=True)
class Rest:
    """How the built-in backend makes the call. `path` is below `/api/v1`; arguments in braces.

    `operation` is the id that Gladly's own description of its API gives it.
    """

    operation: str
    verb: str
    path: str
    query: tuple[str, ...]
    body: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A call, and the codes of the library's rules that deny it to a caller without any role.

    Such a caller's endpoint offers every method, and all tags.
    """

    arguments: JsonObject
    denied_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One tool with everything that its row says.

    `description` is the whole text for a model: the row's own, then its constraints. The schemas
    are plain JSON objects that nobody may change. `file` is the name of the file it came from.
    Without `rest` the tool is another backend's, and the built-in one does not serve it.
    """

    tool: Tool
    title: str
    summary: str
    description: str
    rest: Rest | None
    input_schema: JsonObject
    output_schema: JsonObject
    constraints: tuple[str, ...]
    confidence: str
    aliases: tuple[str, ...]
    examples: tuple[Example, ...]
    file: str


def make(row: JsonObject, file: str) -> Row:
    """Make a row from JSON in which no fault was found."""
    constraints = tuple(row.get("constraints", ()))
    return Row(
        tool=_tool(row),
        title=row["title"],
        summary=row["summary"],
        description=" ".join((row["description"], *constraints)),
        rest=_rest(row["rest"]) if "rest" in row else None,
        input_schema=row["input_schema"],
        output_schema=row["output_schema"],
        constraints=constraints,
        confidence=row["confidence"],
        aliases=tuple(row.get("aliases", ())),
        examples=tuple(
            Example(one["arguments"], tuple(one.get("rules", ())))
            for one in row.get("examples", ())
        ),
        file=file,
    )


def _rest(rest: JsonObject) -> Rest:
    return Rest(
        rest["operation"], rest["verb"], rest["path"], tuple(rest["query"]), tuple(rest["body"])
    )


def _tool(row: JsonObject) -> Tool:
    given = row.get("marks", {})
    marks = {name: _marks(given.get(name, {})) for name in row["input_schema"]["properties"]}
    return Tool(
        name=row["name"],
        is_known=True,
        method=row["method"],
        effect=row["effect"],
        tags=tuple(row["tags"]),
        pii=tuple(PersonalData(pattern, entity) for pattern, entity in row.get("pii", {}).items()),
        safe=tuple(row.get("safe", ())),
        subjects=tuple(Subject(**subject) for subject in row.get("subject", ())),
        arguments=MappingProxyType(marks),
        customer_text=tuple(row.get("customer_text", ())),
    )


def _marks(mark: JsonObject) -> ArgumentMarks:
    return ArgumentMarks(
        overwrites=mark.get("overwrites", False),
        outbound=mark.get("outbound", False),
        expected=tuple(mark.get("expected", ())),
    )
