"""What a caller without a good token is told to bring. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Challenge:
    """The `WWW-Authenticate` header (RFC 6750 section 3), with where our metadata stands.

    `metadata_url` comes from the settings, never from a request (RFC 9728 section 5.1). `scopes`
    are all that a token needs here, so that a client asks for them at once (MCP 2026-07-28,
    "Scope Challenge Handling"). Neither ever holds an endpoint's token, nor why one was refused.
    """

    metadata_url: str = ""
    scopes: tuple[str, ...] = ()

    def header(self, error: str = "") -> tuple[tuple[str, str], ...]:
        """The header; `error` is RFC 6750's code, absent when no token was sent."""
        named = {
            "error": error,
            "scope": " ".join(self.scopes),
            "resource_metadata": self.metadata_url,
        }
        parts = ", ".join(f'{name}="{value}"' for name, value in named.items() if value)
        return (("www-authenticate", f"Bearer {parts}".rstrip()),)
