"""`sidecar policy`: write rules, check and test them, and pack them up, before they serve."""

from __future__ import annotations

import typer

from sidecar.cli import policy_confirm, policy_review, policy_writing

policy = typer.Typer(
    help="Rules in Rego: begin, check, test and pack them, and see what a change of them would do.",
    no_args_is_help=True,
)
for name, command in policy_writing.COMMANDS.items():
    policy.command(name)(command)
for command in policy_review.COMMANDS:
    policy.command()(command)
policy.command()(policy_confirm.confirm)
