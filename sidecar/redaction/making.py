"""From settings to a Redactor that was tried: what cannot mask as it should does not start."""

from __future__ import annotations

from collections.abc import Iterable

from sidecar.errors import ConfigError, Problem
from sidecar.model import Tool
from sidecar.redaction.pseudonyms import Key, Pseudonyms
from sidecar.redaction.redactor import Redactor
from sidecar.settings import Redaction, secret


def keys(settings: Redaction) -> tuple[Key, ...]:
    """Read the keys of pseudonyms, the current one first.

    Raises:
        ConfigError: one has become unusable since the settings were read.
    """
    return tuple(Key(key.id, secret(key.file).encode()) for key in settings.pseudonym_keys)


def made(settings: Redaction, tools: Iterable[Tool], *, has_pseudonyms: bool) -> Redactor:
    """Read the keys, and try every canary.

    `has_pseudonyms` says that the policy asks for pseudonyms. That it does so in a rule of an OPA
    server's own, nobody sees here; without a key such a value is masked whole.

    Raises:
        ConfigError: pseudonyms are asked for and no key is set, a key cannot be read, or a canary
            came out of redaction.
    """
    redactor = Redactor(Pseudonyms(keys(settings)), settings.timeout_ms / 1000, tools)
    tried(redactor, settings, has_pseudonyms=has_pseudonyms)
    return redactor


def tried(redactor: Redactor, settings: Redaction, *, has_pseudonyms: bool) -> None:
    """Try whether redaction can do what a policy asks for; `made` and each newer policy do.

    Raises:
        ConfigError: pseudonyms are asked for and no key is set, or a canary came out of redaction.
    """
    if has_pseudonyms and not settings.pseudonym_keys:
        what = "is not set, and the policy's masks ask for pseudonyms"
        remedy = "sidecar token secret FILE makes a key; or use mask in the policy"
        raise ConfigError([Problem("redaction.pseudonym_keys", what, remedy)])
    if leaks := redactor.leaks():
        what = f"let made-up data through: {', '.join(leaks)}"
        remedy = "install the package again; if that does not help, report it as a leak"
        raise ConfigError([Problem("redaction", what, remedy)])
