"""Tools that read the workspace and who is in it, and change that."""

from __future__ import annotations

from typing import Any, Literal

from builder_jupyter.gateway.keys import NoArgs
from builder_jupyter.gateway.shapes import Name
from builder_jupyter.gateway.tool import REMOVE, SET, Args, Call, Result, tool
from builder_jupyter.identity.scopes import Scope


class WorkspaceShown(Result):
    """A workspace and the caller's ``role`` in it."""

    workspace: dict[str, Any]


class Workspaces(Result):
    """The workspaces that the caller may act in."""

    workspaces: list[dict[str, Any]]


class Members(Result):
    """Who is in the workspace, its owner first."""

    members: list[dict[str, Any]]


@tool("List workspaces", Scope.READ_CANVASES)
async def list_workspaces(call: Call, args: NoArgs) -> Workspaces:
    """List the workspaces that this credential may act in, with its role in each."""
    del args
    return Workspaces(workspaces=list(await call.runtime.workspaces.list(call.principal)))


@tool("List members", Scope.MANAGE_INTEGRATIONS)
async def list_members(call: Call, args: NoArgs) -> Members:
    """List who is in this workspace and in which role."""
    del args
    return Members(members=list(await call.runtime.workspaces.members(call.principal)))


class RenameArgs(Args):
    """The new name."""

    name: Name


@tool("Rename the workspace", Scope.MANAGE_INTEGRATIONS, hints=SET)
async def rename_workspace(call: Call, args: RenameArgs) -> WorkspaceShown:
    """Give this workspace another name: its owner and admins may."""
    return WorkspaceShown(workspace=await call.runtime.workspaces.rename(call.principal, args.name))


class MemberArgs(Args):
    """Who."""

    member: Name


class RoleArgs(MemberArgs):
    """Who, and in which role."""

    role: Literal["admin", "editor", "viewer"]


@tool("Set a member's role", Scope.MANAGE_INTEGRATIONS, hints=SET)
async def set_member(call: Call, args: RoleArgs) -> Members:
    """Let somebody be in this workspace in a role: owner and admins may; what is about admins is the owner's."""
    await call.runtime.workspaces.put_member(call.principal, args.member, args.role)
    return Members(members=list(await call.runtime.workspaces.members(call.principal)))


@tool("Remove a member", Scope.MANAGE_INTEGRATIONS, hints=REMOVE)
async def remove_member(call: Call, args: MemberArgs) -> Members:
    """Let somebody be in this workspace no more: the keys that they made here open nothing from now on."""
    await call.runtime.workspaces.remove_member(call.principal, args.member)
    return Members(members=list(await call.runtime.workspaces.members(call.principal)))


TOOLS = (list_workspaces, list_members, rename_workspace, set_member, remove_member)
