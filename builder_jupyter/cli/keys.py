"""``keys``: make, list and revoke API keys."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta

from builder_jupyter.cli.options import Commands, Places, client_of, seconds_of
from builder_jupyter.clock import SystemClock
from builder_jupyter.identity.scopes import DEFAULT_SCOPES, Scope

CREATE_HELP = f"""\
The key is printed once, alone, on stdout; nobody can read it again. With or without a running server.

scopes: {", ".join(Scope)}

example:
  export BUILDER_JUPYTER_KEY="$(builder-jupyter keys create --name ci --scopes read:canvases,run:workflows)"
"""


def add_keys(commands: Commands, places: Places) -> None:
    """Add the command ``keys``."""
    parser = commands.add_parser("keys", help="make, list and revoke API keys", description="Make, list and revoke.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    create_parser = actions.add_parser(
        "create",
        parents=[places],
        help="make a key and print it",
        description="Make an API key and print it.",
        epilog=CREATE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    create_parser.add_argument("--name", required=True, help="what the key is for; shown in lists")
    create_parser.add_argument(
        "--scopes", metavar="A,B", help=f"what it may do, comma-separated (default: {','.join(DEFAULT_SCOPES)})"
    )
    create_parser.add_argument(
        "--expires", metavar="AGE", help="how long it is good, e.g. 30d (default: until revoked)"
    )
    create_parser.set_defaults(action=create)
    list_parser = actions.add_parser("list", parents=[places], help="list the keys, without their secrets")
    list_parser.set_defaults(action=show)
    revoke_parser = actions.add_parser("revoke", parents=[places], help="make a key open nothing")
    revoke_parser.add_argument("id", help="the key's id, from keys list")
    revoke_parser.set_defaults(action=revoke)


def create(options: argparse.Namespace) -> int:
    """Make a key; its secret is the only line on stdout."""
    scopes = None if options.scopes is None else options.scopes.split(",")
    good_for = None if options.expires is None else timedelta(seconds=seconds_of(options.expires))
    expires_at = None if good_for is None else SystemClock().now() + good_for
    with client_of(options) as client:
        portal, transport = client.transport.portal, client.transport
        key = portal.wait(transport.create_key(options.name, scopes, expires_at=expires_at))
    print(f"Key {key['id']} ({key['name']}) may: {', '.join(key['scopes'])}. It is shown this once:", file=sys.stderr)
    print(key["key"])
    return 0


def show(options: argparse.Namespace) -> int:
    """List the keys, one a line: id, first characters, name, scopes."""
    with client_of(options) as client:
        keys = client.transport.portal.wait(client.transport.list_keys())
    for key in keys:
        until = f"  until {key['expires_at']}" if key.get("expires_at") else ""
        print(
            f"{key['id']}  {key['prefix']}…  {key['name']}  {','.join(key['scopes'])}"
            f"{'  revoked' if key.get('revoked_at') else until}"
        )
    if not keys:
        print("There are no keys yet.", file=sys.stderr)
    return 0


def revoke(options: argparse.Namespace) -> int:
    """Revoke a key."""
    with client_of(options) as client:
        client.transport.portal.wait(client.transport.revoke_key(options.id))
    print(f"Key {options.id} opens nothing any more.", file=sys.stderr)
    return 0
