"""``credits``: balances, transactions, and what the owner of a database adds, takes back and limits."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

from builder_jupyter.cli.options import Commands, Places, client_of
from builder_jupyter.clock import iso_z
from builder_jupyter.errors import InvalidInput

HELP = """\
With or without a running server.

examples:
  builder-jupyter credits balance
  builder-jupyter credits add 10000 --paid 80 --receipt inv-17
  builder-jupyter credits add 500 --grant --note "for the workshop"
  builder-jupyter credits refund exec_0123456789abcdef0123
  builder-jupyter credits budget 5000
  builder-jupyter credits budget none
"""


def add_credits(commands: Commands, places: Places) -> None:
    """Add the command ``credits``."""
    parser = commands.add_parser(
        "credits", help="see, add and limit credits", description="See, add and limit credits.", epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("balance", parents=[places], help="what can still be spent")
    one.set_defaults(action=balance)
    one = actions.add_parser("transactions", parents=[places], help="what changed the balance, newest first")
    one.add_argument("--limit", type=int, default=50, metavar="N", help="how many, 1 to 200 (default: 50)")
    one.add_argument("--json", action="store_true", help="one JSON object a line")
    one.set_defaults(action=transactions)
    one = actions.add_parser("add", parents=[places], help="add credits to a workspace")
    one.add_argument("credits", type=int, help="how many; an adjustment may be below 0")
    price = one.add_mutually_exclusive_group(required=True)
    price.add_argument("--paid", metavar="USD", help="what was paid for them")
    price.add_argument("--grant", action="store_const", const="grant", dest="kind", help="a gift")
    price.add_argument("--adjustment", action="store_const", const="adjustment", dest="kind", help="a correction")
    one.add_argument("--receipt", help="the id of the payment, which can be posted once")
    one.add_argument("--pack", help="the offer in the price list, e.g. pack-10000")
    _add_about(one)
    one.set_defaults(action=add)
    one = actions.add_parser("refund", parents=[places], help="take back a purchase, or the usage of an execution")
    one.add_argument("id", help="of a purchase (see transactions) or of an execution")
    _add_about(one)
    one.set_defaults(action=refund)
    one = actions.add_parser("budget", parents=[places], help="see or set what may be spent in a calendar month")
    one.add_argument("credits", nargs="?", help="how many from now on; 'none' for any number")
    one.set_defaults(action=budget)


def _add_about(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workspace", help="whose credits (default: your own workspace's)")
    parser.add_argument("--note", help="what it is for")


def balance(options: argparse.Namespace) -> int:
    """Print the balance, a number alone on stdout."""
    with client_of(options) as client:
        found = client.credits()
    print(f"Workspace {found['workspaceId']} has:", file=sys.stderr)
    print(found["balance"])
    return 0


def transactions(options: argparse.Namespace) -> int:
    """List transactions, one a line: time, amount, balance after it, what it was, its id."""
    with client_of(options) as client:
        found = client.transport.portal.wait(client.transport.credits.transactions(options.limit))
    for one in found:
        if options.json:
            print(json.dumps(one))
            continue
        at = iso_z(datetime.fromtimestamp(one["createdAt"] / 1000, UTC).replace(microsecond=0))
        more = one.get("executionId") or one["id"]
        print(f"{at}  {one['amount']:+g}  {one['balanceAfter']:g}  {one['kind']}  {more}  {one['note'] or ''}".rstrip())
    return 0


def add(options: argparse.Namespace) -> int:
    """Add credits and print the balance."""
    about = {
        "kind": options.kind or "purchase", "paid_usd": options.paid, "workspace": options.workspace,
        "receipt": options.receipt, "pack": options.pack, "note": options.note,
    }  # fmt: skip
    with client_of(options) as client:
        done = client.transport.portal.wait(client.transport.credits.add(options.credits, **about))
    return _say(f"Added {done['added']:g} credits", done)


def refund(options: argparse.Namespace) -> int:
    """Take something back and print the balance."""
    about = {"workspace": options.workspace, "note": options.note}
    with client_of(options) as client:
        done = client.transport.portal.wait(client.transport.credits.refund(options.id, **about))
    return _say(f"Refunded {done['refunded']:g} credits", done)


def _say(what: str, done: dict[str, Any]) -> int:
    print(f"{what}. Workspace {done['workspaceId']} has:", file=sys.stderr)
    print(done["balance"])
    return 0


def budget(options: argparse.Namespace) -> int:
    """Print the budget of this month, after setting it where a number is given."""
    with client_of(options) as client:
        known = client.budget() if options.credits is None else client.budget(_limit(options.credits))
    limit = "any number of" if known["creditsPerMonth"] is None else known["creditsPerMonth"]
    print(
        f"{known['workspaceId']} may spend {limit} credits a month; in {known['month']} {known['used']} are spent and "
        f"{known['held']} held by runs."
    )
    return 0


def _limit(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isascii() or not text.isdigit():
        raise InvalidInput(f"{text!r} is no number of credits.", code="INVALID_CREDITS", hint="Or write: none")
    return int(text)
