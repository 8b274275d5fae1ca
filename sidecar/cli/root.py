"""The root command and the commands that run something."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sidecar import __version__
from sidecar.cli import audit, catalog, endpoints, gladly, local, policy, tokens
from sidecar.cli.options import ConfigFile
from sidecar.errors import ConfigError, SidecarError

cli = typer.Typer(
    name="sidecar",
    help="A policy-enforcing reverse proxy for MCP: Rego decides, personal data is masked, "
    "every decision is recorded.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
cli.add_typer(tokens.token, name="token")
tokens.endpoint.command("list")(endpoints.list_endpoints)
tokens.endpoint.command("revoke")(endpoints.revoke)
cli.add_typer(tokens.endpoint, name="endpoint")
cli.add_typer(audit.audit, name="audit")
cli.add_typer(catalog.catalog, name="catalog")
cli.add_typer(policy.policy, name="policy")
cli.add_typer(gladly.gladly, name="gladly")
cli.add_typer(policy.policy, name="policy")
cli.command()(local.up)
cli.command()(local.stdio)
cli.command()(local.connect)
cli.command()(local.doctor)


def main() -> None:
    """Run the command line. A mistake in what was configured or asked is told in plain lines."""
    try:
        cli()
    except ConfigError as error:
        print(_counted(error), file=sys.stderr)
        sys.exit(2)
    except SidecarError as error:
        print(f"sidecar: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        # A file that vanished, a full disk, a port that is taken: told, not traced.
        named = f"{error.filename}: " if error.filename else ""
        print(f"sidecar: {named}{error.strerror or type(error).__name__}", file=sys.stderr)
        sys.exit(1)


def _counted(error: ConfigError) -> str:
    count = len(error.problems)
    head = f"sidecar: {count} problem{'s' if count > 1 else ''}; nothing was started or changed"
    return "\n".join([head, *(f"  {problem}" for problem in error.problems)])


@cli.command()
def serve(config: ConfigFile = None) -> None:
    """Run the sidecar until it is told to stop (SIGTERM, Ctrl-C)."""
    from sidecar import app, dumps, log, redaction, serving, settings

    dumps.forbid()
    loaded = settings.load(config)
    log.configure(loaded.log.level, loaded.log.format, redaction.scrub)
    if loaded.log.anchors_file:
        log.anchors_to(loaded.log.anchors_file)
    if not serving.serve(loaded, app.check(loaded)):
        raise SystemExit(1)


@cli.command()
def check(config: ConfigFile = None) -> None:
    """Check settings, policies and catalog without starting anything."""
    from sidecar import app, renewal, settings
    from sidecar.policy import shadow_rules, unguarded

    loaded = settings.load(config)
    parts = app.check(loaded)
    print(f"settings: ok, {len(loaded.endpoints)} endpoint(s)")
    if loaded.accounts:
        print(f"accounts: default, {', '.join(account.name for account in loaded.accounts)}")
    print(f"catalog: ok, {len(parts.catalog)} tools, sha256 {parts.catalog.sha256[:12]}")
    print(f"policy: ok, {len(parts.bundle.modules)} modules, sha256 {parts.bundle.sha256[:12]}")
    folder = loaded.policy.site_folder or Path()
    if (trial := parts.candidate) is not None:
        named = f"rules {', '.join(shadow_rules(parts.bundle))}"
        what = loaded.policy.candidate_folder or named
        print(f"in shadow: ok, {what}, sha256 {trial.sha256[:12]}")
    for rule in parts.bundle.site_rules:
        file = Path(rule.file).relative_to(folder.parent)
        print(f"site rules: {rule.name} ({', '.join(rule.gives)}) from {file}")
    if names := unguarded(parts.bundle):
        what = f"rules of the library are in shadow and refuse or mask nothing: {', '.join(names)}"
        print(f"warning: {what}", file=sys.stderr)
    for warning in renewal.warnings(parts.catalog, parts.bundle, parts.candidate):
        print(f"warning: {warning}", file=sys.stderr)


@cli.command()
def demo(
    stay: Annotated[
        bool, typer.Option("--serve", help="Stay up afterwards and print how to connect a client.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Where to keep what the demo writes; else a temporary one.", file_okay=False
        ),
    ] = None,
) -> None:
    """Show the whole sidecar at work on this machine, with a simulated Gladly and no account."""
    from sidecar import demo as show

    raise SystemExit(show.run(folder, stay=stay))


@cli.command()
def trace(
    file: Annotated[Path, typer.Argument(help="A recorded exchange, in YAML.")],
    site: Annotated[
        Path | None, typer.Option(help="A folder of your own rules, beside the library's.")
    ] = None,
) -> None:
    """Walk one recorded message through the ten steps and print what each made of it."""
    from sidecar import log, redaction
    from sidecar import trace as walk

    log.configure("warning", "console", redaction.scrub)
    print(walk.walk(file, site))


@cli.command()
def version() -> None:
    """Print the version."""
    print(f"gladly-mcp-sidecar {__version__}")
