"""`sidecar policy check`, `test`, `build` and `init`: from an empty folder to a bundle."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sidecar.cli.options import ConfigFile
from sidecar.cli.progress import Progress

if TYPE_CHECKING:
    from sidecar.catalog import Catalog
    from sidecar.errors import Problem
    from sidecar.policy.checking.trials import Trial

Folder = Annotated[
    Path | None,
    typer.Argument(
        help="The folder of your rules; else that of the settings; else the library.",
        file_okay=False,
        exists=True,
    ),
]


def check(
    folder: Folder = None,
    catalog: Annotated[
        list[Path] | None,
        typer.Option(help="A folder of your own catalog's rows; again for each.", file_okay=False),
    ] = None,
    is_strict: Annotated[
        bool, typer.Option("--strict", help="Let warnings fail the check, too.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Check rules: syntax, what is not portable, names that nobody knows, rules that never speak.

    Every problem is told with its file and line. Exit 1 if there is one.
    """
    from sidecar import settings
    from sidecar.review import checking

    site, rows = _chosen(folder, catalog or [], config)
    progress = Progress("trying rules")
    told = checking.check(settings.shipped("policies"), site, rows, progress)
    progress.end()
    _tell(told.problems, "")
    _tell(told.warnings, "warning: ")
    if told.problems or (is_strict and told.warnings):
        _count(len(told.problems), len(told.warnings), is_strict=is_strict)
        raise typer.Exit(1)
    sha = told.bundle.sha256[:12] if told.bundle else ""
    print(f"policy: ok, {told.rules} rules in {site or 'the library'}, sha256 {sha}")
    if told.warnings:
        _count(0, len(told.warnings))


def run_tests(
    folder: Folder = None,
    opa: Annotated[
        Path | None, typer.Option(help="An OPA program; else the one on PATH, if there is one.")
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="Least share of lines to be reached, in percent.", min=0, max=100)
    ] = 0.0,
    config: ConfigFile = None,
) -> None:
    """Run every test_ rule on the embedded engine and on a real OPA, and say what they reached.

    Exit 1 if a test does not hold on an engine, if there is none, or below --threshold.
    """
    from sidecar import settings
    from sidecar.policy.checking import coverage, trials

    site = _site(folder, config)
    subject = trials.subject(settings.shipped("policies"), site)
    progress = Progress("running tests")
    ours, covered = trials.embedded(subject, progress)
    progress.end()
    failed = list(trials.failures(ours, "the embedded engine"))
    print(f"embedded engine: {_held(ours)}")
    program = str(opa) if opa else shutil.which("opa")
    if program:
        theirs = trials.by_opa(subject, program)
        failed += trials.failures(theirs, "OPA")
        print(f"OPA {program}: {_held(theirs)}")
    else:
        print("OPA: not run, there is none on PATH; name one with --opa")
    share = coverage.share(covered)
    print(f"coverage: {share:.1f} % of the lines of {len(covered)} definitions")
    for one in covered:
        if one.missed:
            print(f"  {one.file}:{one.line}: {one.name}: not {coverage.ranges(one.missed)}")
    _tell(failed, "")
    if not subject.trials:
        what = f"no test_ rule lies in {site or 'the library'}"
        print(f"{what} (write one as policies/README.md shows)", file=sys.stderr)
    if share < threshold:
        print(f"coverage is below {threshold:g} %", file=sys.stderr)
    if failed or not subject.trials or share < threshold:
        raise typer.Exit(1)


def build(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write.", dir_okay=False)
    ],
    folder: Folder = None,
    config: ConfigFile = None,
) -> None:
    """Pack the library and your rules into a bundle that OPA loads: the same bytes each time.

    Its revision is the digest that the audit log gives to this policy.
    """
    from sidecar import policy as organ
    from sidecar import settings
    from sidecar.policy import bundling

    bundle = organ.load(settings.shipped("policies"), _site(folder, config))
    output.write_bytes(bundling.archive(bundle))
    print(f"wrote {output}: {len(bundle.modules)} modules, revision {bundle.sha256}")
    print(f"for instance: opa run --server --bundle {output}")


def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make.", file_okay=False)],
) -> None:
    """Begin rules for a backend of your own: a catalog's row, data, a rule and its test."""
    from sidecar import settings
    from sidecar.policy.checking import starter

    for path in starter.write(folder, settings.shipped("policies")):
        print(f"wrote {path}")
    rules, rows = folder / starter.RULES, folder / starter.CATALOG
    print("look at it, change it, and then:")
    print(f"  sidecar policy check {rules} --catalog {rows}")
    print(f"  sidecar policy test {rules}")
    print("serve by it with these settings:")
    print(f"  policy:\n    site_folder: {rules.resolve()}")
    print(f"  catalog:\n    folders: [{rows.resolve()}]")


def _held(done: Sequence[Trial]) -> str:
    return f"{sum(trial.holds for trial in done)} of {len(done)} tests hold"


def _site(folder: Path | None, config: Path | None) -> Path | None:
    """The folder that was named, else that of the settings."""
    from sidecar import settings
    from sidecar.errors import ConfigError
    from sidecar.policy.checking import starter

    if folder and (problem := starter.instead(folder)):
        raise ConfigError([problem])
    return folder or (settings.load(config).policy.site_folder if config is not None else None)


def _chosen(
    folder: Path | None, catalogs: list[Path], config: Path | None
) -> tuple[Path | None, Catalog]:
    """The site's folder and the catalog that were asked for, from the settings if they are."""
    from sidecar import catalog as organ
    from sidecar import settings

    folders = [settings.shipped("tool_catalog")]
    if config is not None:
        folders += settings.load(config).catalog.folders
    return _site(folder, config), organ.load([*folders, *catalogs])


def _tell(problems: Iterable[Problem], mark: str) -> None:
    for problem in problems:
        print(f"{mark}{problem}", file=sys.stderr)


def _count(problems: int, warnings: int, *, is_strict: bool = False) -> None:
    why = ", which --strict refuses" if is_strict and warnings else ""
    print(f"policy: {problems} problem(s), {warnings} warning(s){why}", file=sys.stderr)


COMMANDS: Final[Mapping[str, Callable[..., None]]] = {
    "check": check,
    "test": run_tests,
    "build": build,
    "init": init,
}
