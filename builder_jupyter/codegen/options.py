"""What a caller can choose about generated code, and what comes back. Source: seed "Builder API"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Options:
    """The five options.

    Parameters
    ----------
    include_types : the state as a class, annotations on functions.
    include_docstrings : a line on every function and class; the module has one anyway.
    include_mcp_tools : tools are run by an MCP client, where there are tools.
    checkpoint_config : ``app`` has a checkpointer in memory.
    async_mode : nodes and tools are ``async``.
    """

    include_types: bool = True
    include_docstrings: bool = True
    include_mcp_tools: bool = True
    checkpoint_config: bool = False
    async_mode: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Take the options out of a mapping; other keys mean nothing."""
        return cls(**{field.name: given[field.name] for field in fields(cls) if field.name in given})


@dataclass(frozen=True, slots=True)
class GeneratedModule:
    """A module, the name of its file, and the packages it imports, also inside functions."""

    code: str
    filename: str
    dependencies: tuple[str, ...]
    language: str = "python"

    def to_dict(self) -> dict[str, Any]:
        """Return the answer of ``POST /api/builder/generate``."""
        return {
            "code": self.code,
            "filename": self.filename,
            "language": self.language,
            "dependencies": list(self.dependencies),
        }
