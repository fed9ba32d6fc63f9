"""Who acts: one shape, whatever the credential was."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from builder_jupyter.errors import Forbidden
from builder_jupyter.identity.scopes import ALL_SCOPES, Scope

DEFAULT_WORKSPACE = "default"


class CredentialKind(StrEnum):
    """How a principal was recognised."""

    JUPYTER = "jupyter"
    API_KEY = "api_key"
    JWT = "jwt"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: a name, a workspace and scopes. ``is_admin`` sees every owner's workflows in the workspace.

    ``teams`` are the ones that workflows may be granted to. ``credential_id`` names what was shown among the
    workspace's keys and users; it is empty for people at the server itself, their kernels included. ``expires_at`` is
    when it is no longer good.
    """

    name: str
    workspace: str
    scopes: frozenset[Scope]
    credential: CredentialKind
    is_admin: bool = False
    teams: frozenset[str] = frozenset()
    credential_id: str = ""
    expires_at: datetime | None = None

    def may(self, scope: Scope) -> bool:
        """Say whether the principal has a scope."""
        return scope in self.scopes

    def require(self, *accepted: Scope) -> None:
        """Let a principal through that has any of the scopes.

        Raises
        ------
        Forbidden : ``MISSING_SCOPE``, naming what would have been accepted.
        """
        if not any(scope in self.scopes for scope in accepted):
            names = " or ".join(f"'{scope}'" for scope in accepted)
            raise Forbidden(
                f"This credential lacks the scope {names}.",
                code="MISSING_SCOPE",
                details={"requiredScopes": [str(scope) for scope in accepted]},
                hint="Use a credential that has it.",
            )


def jupyter_principal(username: str) -> Principal:
    """Return the principal of somebody whom Jupyter Server has let in: it is their server, they may do everything."""
    return Principal(username, DEFAULT_WORKSPACE, ALL_SCOPES, CredentialKind.JUPYTER, is_admin=True)


def local_principal(username: str) -> Principal:
    """Return the principal of the process's own user: embedded use and the command line."""
    return Principal(username, DEFAULT_WORKSPACE, ALL_SCOPES, CredentialKind.LOCAL, is_admin=True)


def key_principal(
    key_name: str,
    workspace: str,
    scopes: Collection[Scope],
    *,
    key_id: str = "",
    expires_at: datetime | None = None,
) -> Principal:
    """Return the principal of an API key."""
    return Principal(
        key_name,
        workspace,
        frozenset(scopes),
        CredentialKind.API_KEY,
        is_admin=True,
        credential_id=key_id,
        expires_at=expires_at,
    )
