"""`sidecar audit unship`: split a shipped stream into logs that every other command reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sidecar.audit import Split


def unship(
    stream: Annotated[Path, typer.Argument(help="What a collector kept; - for stdin.")],
    into: Annotated[Path, typer.Option(help="A folder to make, with one for each log.")],
) -> None:
    """Split a shipped stream into a folder for each log, byte for byte, for the other commands.

    Lines are put into their order and kept once, whatever lies around them. Exit 1 if lines lack
    within a log, or were changed.
    """
    from sidecar import audit
    from sidecar.cli import verifying

    with verifying.read(stream) as lines:
        split = audit.unship(lines, into)
    _tell(split)
    raise typer.Exit(0 if split.is_whole else 1)


def _tell(split: Split) -> None:
    from sidecar.shown import shown

    for part in split.parts:
        span = f"records {part.first} to {part.last}"
        print(f"{part.folder}: {part.records} lines of {shown(part.instance)}, {span}")
        if part.first > 1:
            print(f"  begins at record {part.first}: those before are elsewhere, or were pruned")
        for first, last in part.gaps:
            print(f"  records {first} to {last} are missing")
    for sentence in split.problems:
        print(shown(sentence, 600))
    print(f"{split.repeated} repeated lines left out; {split.others} lines held none of a log")
    if not split.parts:
        print("This stream holds no line of an audit log.")
        return
    print(f"Next: sidecar audit verify {split.parts[0].folder} --key …, or report, query, show")
