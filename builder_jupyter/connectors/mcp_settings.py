"""Which MCP servers there are: ``BuilderApp.mcp_servers``, read and checked.

Commands come from here and from nowhere else: no graph and no request can name one. ``${NAME}`` in a header or in a
variable of a command's environment stands for an environment variable of our own server, looked up for each
connection, so that no secret needs to be in a configuration file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from builder_jupyter.errors import NotConfigured

CALL_SECONDS = 60.0
NOTEBOOK = "notebook"
"""What stands before the name of a notebook's tool that another has already; so no server is called that."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_REFERENCE = re.compile(r"\$\{(\w+)\}")
_HTTP = frozenset({"url", "headers", "timeout"})
_STDIO = frozenset({"command", "args", "env", "timeout"})


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How one MCP server is reached: at a ``url``, or by a ``command`` that is started for it.

    Parameters
    ----------
    variables : headers of the requests, or the environment of the command, with references as they are written.
    call_seconds : how long one call may take.
    """

    name: str
    url: str = ""
    command: str = ""
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    call_seconds: float = CALL_SECONDS

    def resolved(self) -> dict[str, str]:
        """Return ``variables`` with the references replaced. Raises `NotConfigured` for one that is not set."""
        return {name: _REFERENCE.sub(self._value, text) for name, text in self.variables.items()}

    def _value(self, reference: re.Match[str]) -> str:
        value = os.environ.get(reference[1])
        if value is None:
            raise NotConfigured(f"The environment variable {reference[1]} is not set.")
        return value


def read_servers(configured: Mapping[str, Any]) -> tuple[list[ServerSettings], list[str]]:
    """Return the servers, and a sentence for each entry that is none. Values are not repeated: one may be a secret."""
    servers, faults = [], []
    for name, entry in configured.items():
        try:
            servers.append(_read(str(name), entry))
        except ValueError as error:
            faults.append(f"The MCP server {str(name)[:40]!r} is left out: {error}.")
    return servers, faults


def _read(name: str, entry: Any) -> ServerSettings:
    if not _NAME.fullmatch(name) or name == NOTEBOOK:
        raise ValueError(f"a name is at most 40 letters, digits, _ and -, and not {NOTEBOOK!r}")
    if not isinstance(entry, Mapping) or ("url" in entry) == ("command" in entry):
        raise ValueError("it needs either a url or a command")
    allowed = _HTTP if "url" in entry else _STDIO
    if unknown := sorted(set(map(str, entry)) - allowed):
        raise ValueError(f"it has unknown settings: {', '.join(unknown)}; known are {', '.join(sorted(allowed))}")
    seconds = entry.get("timeout", CALL_SECONDS)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 86_400:
        raise ValueError("timeout is a number of seconds")
    if "url" in entry:
        return ServerSettings(
            name, url=_url(entry["url"]), variables=_texts(entry, "headers"), call_seconds=float(seconds)
        )
    arguments = entry.get("args", ())
    if not isinstance(entry["command"], str) or not entry["command"]:
        raise ValueError("command is a text")
    if not isinstance(arguments, list | tuple) or not all(isinstance(one, str) for one in arguments):
        raise ValueError("args is a list of texts")
    return ServerSettings(
        name, command=entry["command"], arguments=tuple(arguments), variables=_texts(entry, "env"),
        call_seconds=float(seconds),
    )  # fmt: skip


def _url(value: Any) -> str:
    try:
        parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError("url starts with http:// or https://")
    return str(value)


def _texts(entry: Mapping[str, Any], name: str) -> dict[str, str]:
    found = entry.get(name) or {}
    if not isinstance(found, Mapping) or not all(isinstance(k, str) and isinstance(v, str) for k, v in found.items()):
        raise ValueError(f"{name} are texts by name")
    return dict(found)
