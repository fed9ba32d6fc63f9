"""Who acts: one shape, whatever the credential was."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from builder_jupyter.errors import Forbidden
from builder_jupyter.identity.roles import Capability, Role, Seat, may
from builder_jupyter.identity.scopes import ALL_SCOPES, Scope

DEFAULT_WORKSPACE = "default"


class CredentialKind(StrEnum):
    """How a principal was recognised."""

    JUPYTER = "jupyter"
    API_KEY = "api_key"
    JWT = "jwt"
    LOCAL = "local"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: a name, a workspace and scopes. ``is_admin`` sees every owner's workflows in the workspace.

    ``teams`` are the ones that workflows may be granted to. ``role`` is the standing in the workspace; None is a
    viewer's, of whom nothing else is known. ``email`` is an address that is known to be the caller's. ``origin`` is how
    somebody had signed in for whom a key stands. ``signed_in`` is who acts in another workspace than the one that they
    had signed in to, as they were there.

    ``credential_id`` names what was shown among the
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
    role: Role | None = None
    email: str | None = None
    origin: CredentialKind | None = None
    signed_in: Principal | None = None

    @property
    def is_person(self) -> bool:
        """Whether somebody has signed in, and no key stands for them."""
        return self.credential is not CredentialKind.API_KEY

    @property
    def maker(self) -> CredentialKind | None:
        """How the person had signed in who is behind it all; None where that is not known."""
        return self.credential if self.is_person else self.origin

    def require_capability(self, capability: Capability) -> None:
        """Let a principal through whose role has a capability. Raises `Forbidden` (``ROLE_INSUFFICIENT``)."""
        if not may(self.role, capability):
            raise Forbidden(
                f"Your role in this workspace, {self.role or Role.VIEWER}, may not {capability}.",
                code="ROLE_INSUFFICIENT",
            )

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


def jupyter_principal(username: str, email: str | None = None) -> Principal:
    """Return the principal of somebody whom Jupyter Server has let in: it is their server, they may do everything."""
    kind = CredentialKind.JUPYTER
    return Principal(username, DEFAULT_WORKSPACE, ALL_SCOPES, kind, is_admin=True, role=Role.OWNER, email=email)


def local_principal(username: str) -> Principal:
    """Return the principal of the process's own user: embedded use and the command line."""
    return Principal(username, DEFAULT_WORKSPACE, ALL_SCOPES, CredentialKind.LOCAL, is_admin=True, role=Role.OWNER)


def key_principal(
    maker: str,
    workspace: str,
    scopes: Collection[Scope],
    seat: Seat,
    *,
    origin: CredentialKind | None = None,
    key_id: str = "",
    expires_at: datetime | None = None,
) -> Principal:
    """Return the principal of an API key: its scopes, as far as the seat of who made it goes."""
    return Principal(
        maker,
        workspace,
        frozenset(scopes) & seat.scopes,
        CredentialKind.API_KEY,
        is_admin=seat.sees_all,
        credential_id=key_id,
        expires_at=expires_at,
        role=seat.role,
        origin=origin,
    )


def seated(principal: Principal, workspace: str, seat: Seat) -> Principal:
    """Return a principal as it stands in a workspace."""
    return replace(
        principal, workspace=workspace, scopes=seat.scopes, is_admin=seat.sees_all, role=seat.role,
        signed_in=principal.signed_in or principal,
    )  # fmt: skip
