"""The kinds of values that settings have, each with a check that never repeats the value."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Secret,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sidecar import model
from sidecar.errors import ConfigError, Problem
from sidecar.settings.files import secret

CHECKED = "checked"
"""The error type whose context holds our own `Fault`s."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
METHODS = (*get_args(model.Method), *model.METHOD_GROUPS)
ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Signatures that a key set may verify (RFC 7518 section 3.1, RFC 8037); never an HMAC."""

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,255}")  # RFC 6749 section 3.3
_UNQUOTED = re.compile(r"[^\"\\]+")
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


class Fault(NamedTuple):
    """One thing wrong below a section: the key, what it is, what to do."""

    key: str
    what: str
    remedy: str = ""


def refusal(*faults: Fault) -> PydanticCustomError:
    """Wrap faults so that pydantic carries them to `loading`, which makes Problems of them."""
    return PydanticCustomError(CHECKED, "is not usable", {"faults": faults})


class Section(BaseModel):
    """A group of settings: frozen, closed, and with checks across its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def faults(self) -> Iterator[Fault]:
        """Everything wrong across the keys of this section."""
        yield from ()

    @model_validator(mode="after")
    def _check(self) -> Any:
        if faults := tuple(self.faults()):
            raise refusal(*faults)
        return self


@dataclass(frozen=True, slots=True)
class Url:
    """A URL in pieces. `host` is lower case and without brackets."""

    scheme: str
    host: str
    port: int | None


def parsed(text: str) -> Url:
    """Take an absolute http or https URL apart.

    Raises:
        ValueError: It is none, or it holds a fragment or a space. The message is fixed text.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("is not an absolute http or https URL")
    if parts.fragment or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("holds a fragment, a space or a character that a URL cannot hold")
    return Url(parts.scheme, host, port)


def without_credentials(text: str) -> str:
    """Let a URL pass that names no user and no password.

    Raises:
        PydanticCustomError: It does, or it is no URL.
    """
    proxied(text)
    if "@" in urlsplit(text).netloc:
        raise refusal(Fault("", "holds credentials", "keep them in a file"))
    return text


def proxied(text: str) -> str:
    """Let an absolute http or https URL pass.

    Raises:
        PydanticCustomError: It is none.
    """
    try:
        parsed(text)
    except ValueError as error:
        raise refusal(Fault("", str(error), "https://host/path")) from None
    return text


def url_in(path: Path) -> str:
    """Read a URL that may be a credential: never log it.

    Raises:
        ConfigError: The file cannot be used, or holds no URL, or one with a user or password.
    """
    try:
        return without_credentials(secret(path))
    except ValueError:
        what = "holds no usable URL"
        raise ConfigError([Problem(str(path), what, "https://host/path")]) from None


def token_in(path: Path) -> str:
    """Read a token that goes into a header.

    Raises:
        ConfigError: The file cannot be used, or holds what a header cannot.
    """
    text = secret(path)
    if not (text.isascii() and text.isprintable()):
        what = "holds a line break or a character that a header cannot hold"
        raise ConfigError([Problem(str(path), what, "write the token alone into it")])
    return text


class SecretUrl(Secret[str]):
    """A URL whose path, query or user may be a credential: only scheme and host are shown."""

    def _display(self) -> str:
        try:
            url = parsed(self.get_secret_value())
        except ValueError:
            return "…"
        return f"{url.scheme}://{url.host}{'' if url.port is None else f':{url.port}'}/…"


def _backend_url(url: SecretUrl) -> SecretUrl:
    without_credentials(url.get_secret_value())
    return url


def _opa_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "unix":
        return without_credentials(text)
    if parts.netloc or not parts.path.startswith("/") or parts.query or parts.fragment:
        raise refusal(Fault("", "is no path of a socket", "unix:///run/opa/opa.sock"))
    return text


def _public_url(text: str) -> str:
    without_credentials(text)
    if urlsplit(text).path != "/mcp" or urlsplit(text).query or not _UNQUOTED.fullmatch(text):
        raise refusal(Fault("", "is not the URL of /mcp", "https://host/mcp"))
    return text


def _proxy_url(url: SecretUrl) -> SecretUrl:
    proxied(url.get_secret_value())
    return url


def _readable_file(path: Path) -> Path:
    if not path.is_file():
        raise refusal(Fault("", "is no file", "name an existing file"))
    if not os.access(path, os.R_OK):
        raise refusal(Fault("", "cannot be read", "chmod or chown it for this user"))
    return path


def _file_for(read: Callable[[Path], str], path: Path) -> Path:
    _readable_file(path)
    try:
        read(path)
    except ConfigError as error:
        raise refusal(*(Fault("", p.what, p.remedy) for p in error.problems)) from None
    return path


def _secret_file(path: Path) -> Path:
    return _file_for(secret, path)


def _token_file(path: Path) -> Path:
    return _file_for(token_in, path)


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise refusal(Fault("", "is no folder", "name an existing folder"))
    if not os.access(path, os.R_OK | os.X_OK):
        raise refusal(Fault("", "cannot be read", "chmod or chown it for this user"))
    return path


def _method(name: str) -> str:
    if name not in METHODS:
        near = get_close_matches(name, METHODS, n=1)
        remedy = f"did you mean {near[0]}?" if near else "one of " + ", ".join(METHODS)
        raise refusal(Fault("", "is no method", remedy))
    return name


def _algorithm(name: str) -> str:
    if name != "HS256" and name not in ASYMMETRIC:
        allowed = ", ".join(["HS256", *sorted(ASYMMETRIC)])
        raise refusal(Fault("", "is no allowed signature algorithm", f"one of {allowed}"))
    return name


def _scope(name: str) -> str:
    if not _SCOPE.fullmatch(name):
        raise refusal(Fault("", "is no scope", "no spaces, quotes or backslashes"))
    return name


def _host(name: str) -> str:
    if not _HOST.fullmatch(name):
        raise refusal(Fault("", "is no host", "write host or host:port, without a scheme"))
    return name.lower()


def _address(name: str) -> str:
    try:
        ip_address(name)
    except ValueError:
        if not _NAME.fullmatch(name):
            raise refusal(Fault("", "is no host", "write a name or an IP address")) from None
    return name.lower()


def _origin(text: str) -> str:
    scheme, separator, host = text.partition("://")
    if not separator or scheme not in {"http", "https"} or not _HOST.fullmatch(host):
        raise refusal(Fault("", "is no origin", "write https://host or https://host:port"))
    return text.lower()


Text = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
BackendUrl = Annotated[SecretUrl, AfterValidator(_backend_url)]
ProxyUrl = Annotated[SecretUrl, AfterValidator(_proxy_url)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
PlainUrl = Annotated[str, AfterValidator(without_credentials)]
OpaUrl = Annotated[str, AfterValidator(_opa_url)]
ReadableFile = Annotated[Path, AfterValidator(_readable_file)]
SecretFile = Annotated[Path, AfterValidator(_secret_file)]
TokenFile = Annotated[Path, AfterValidator(_token_file)]
Folder = Annotated[Path, AfterValidator(_folder)]
Method = Annotated[str, AfterValidator(_method)]
Algorithm = Annotated[str, AfterValidator(_algorithm)]
Scope = Annotated[str, AfterValidator(_scope)]
Address = Annotated[str, AfterValidator(_address)]
Host = Annotated[str, AfterValidator(_host)]
Origin = Annotated[str, AfterValidator(_origin)]
