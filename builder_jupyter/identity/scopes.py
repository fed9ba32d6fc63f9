"""What a credential may do. Names and order: seed "REST API", spec builder-studio §2.3."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from builder_jupyter.errors import InvalidInput


class Scope(StrEnum):
    """One permission of an API key."""

    READ_CANVASES = "read:canvases"
    READ_ASSETS = "read:assets"
    RUN_WORKFLOWS = "run:workflows"
    WRITE_CANVAS = "write:canvas"
    WRITE_ASSETS = "write:assets"
    READ_BILLING = "read:billing"
    MANAGE_INTEGRATIONS = "manage:integrations"
    DELETE_CANVAS = "delete:canvas"
    DELETE_ASSETS = "delete:assets"


ALL_SCOPES = frozenset(Scope)
DEFAULT_SCOPES = (Scope.READ_CANVASES, Scope.RUN_WORKFLOWS)


def parse_scopes(names: Iterable[str]) -> tuple[Scope, ...]:
    """Return scopes by name, each once, in published order.

    Raises `InvalidInput` with ``code="UNKNOWN_SCOPE"`` naming the unknown ones and those there are.
    """
    given = {name.strip() for name in names if name.strip()}
    unknown = sorted(given - {str(scope) for scope in Scope})
    if unknown:
        raise InvalidInput(
            f"There is no scope {', '.join(map(repr, unknown))}.",
            code="UNKNOWN_SCOPE",
            hint=f"Known: {', '.join(Scope)}.",
        )
    return tuple(scope for scope in Scope if scope in given)
