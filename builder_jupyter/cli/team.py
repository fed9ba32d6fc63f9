"""``workspaces``, ``members`` and ``invites``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from builder_jupyter.cli.options import Commands, Places, client_of
from builder_jupyter.identity.principal import DEFAULT_WORKSPACE
from builder_jupyter.identity.roles import GIVEN

if TYPE_CHECKING:
    from builder_jupyter.client.team import Team

Act = Callable[["Team", argparse.Namespace], Coroutine[Any, Any, None]]
ROLES = [str(role) for role in GIVEN]


def add_team(commands: Commands, places: Places) -> None:
    """Add the commands ``workspaces``, ``members`` and ``invites``."""
    here = argparse.ArgumentParser(add_help=False)
    here.add_argument("--workspace", default=DEFAULT_WORKSPACE, metavar="ID", help="which one (default: %(default)s)")

    def group(name: str, about: str) -> Callable[..., argparse.ArgumentParser]:
        parser = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        actions = parser.add_subparsers(metavar="ACTION", required=True)

        def action(word: str, act: Act, said: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
            made: argparse.ArgumentParser = actions.add_parser(word, parents=[places, *parents], help=said)
            made.set_defaults(action=lambda options: _run(options, act))
            return made

        return action

    add = group("workspaces", "make, list, rename and delete workspaces")
    add("list", _workspaces, "list your workspaces: id, your role, name")
    add("create", _create, "make a workspace and print its id").add_argument("name")
    add("rename", _rename, "give a workspace another name", here).add_argument("name")
    add("delete", _delete, "delete a workspace that has no workflows").add_argument("workspace", metavar="ID")

    add = group("members", "list, add and remove the members of a workspace")
    add("list", _members, "list who is in a workspace: role, name", here)
    member = add("set", _set, "let somebody be a member in a role", here)
    member.add_argument("name", help="the name that they sign in with")
    member.add_argument("role", choices=ROLES)
    add("remove", _remove, "let somebody be no member; keys they made open nothing", here).add_argument("name")

    add = group("invites", "invite people into a workspace by e-mail address")
    add("list", _invites, "list the invites: id, state, role, address", here)
    invited = add("create", _invite, "invite an address for seven days; nothing is sent", here)
    invited.add_argument("email")
    invited.add_argument("role", choices=ROLES)
    add("revoke", _revoke, "take an invite back", here).add_argument("id")


def _run(options: argparse.Namespace, act: Act) -> int:
    with client_of(options) as client:
        client.transport.portal.wait(act(client.transport.team, options))
    return 0


async def _workspaces(team: Team, _options: argparse.Namespace) -> None:
    for one in await team.workspaces():
        print(f"{one['id']}  {one['role']}  {one['name']}")


async def _create(team: Team, options: argparse.Namespace) -> None:
    print((await team.create(options.name))["id"])


async def _rename(team: Team, options: argparse.Namespace) -> None:
    renamed = await team.rename(options.workspace, options.name)
    print(f"{renamed['id']} is called {renamed['name']}.", file=sys.stderr)


async def _delete(team: Team, options: argparse.Namespace) -> None:
    await team.delete(options.workspace)
    print(f"{options.workspace} is deleted.", file=sys.stderr)


async def _members(team: Team, options: argparse.Namespace) -> None:
    for one in await team.members(options.workspace):
        print(f"{one['role']}  {one['name']}")


async def _set(team: Team, options: argparse.Namespace) -> None:
    member = await team.put_member(options.workspace, options.name, options.role)
    print(f"{member['name']} is {member['role']} of {options.workspace}.", file=sys.stderr)


async def _remove(team: Team, options: argparse.Namespace) -> None:
    await team.remove_member(options.workspace, options.name)
    print(f"{options.name} is no member of {options.workspace}.", file=sys.stderr)


async def _invites(team: Team, options: argparse.Namespace) -> None:
    for one in await team.invites(options.workspace):
        print(f"{one['id']}  {one['state']}  {one['role']}  {one['email']}")


async def _invite(team: Team, options: argparse.Namespace) -> None:
    made = await team.invite(options.workspace, options.email, options.role)
    print(f"{made['email']} may accept this until {made['expires_at']}:", file=sys.stderr)
    print(made["id"])


async def _revoke(team: Team, options: argparse.Namespace) -> None:
    await team.revoke_invite(options.workspace, options.id)
    print(f"{options.id} is good for nothing any more.", file=sys.stderr)
