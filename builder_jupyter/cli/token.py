"""``token``: issue JSON Web Tokens for development."""

from __future__ import annotations

import argparse
import os
import sys

from builder_jupyter.cli.options import Commands, Places
from builder_jupyter.clock import SystemClock
from builder_jupyter.errors import InvalidInput, NotConfigured
from builder_jupyter.identity.claims import MAX_NAME, ROLES
from builder_jupyter.identity.jwt_settings import SECRET_VARIABLE

DEFAULT_SECONDS = 3_600
MAX_SECONDS = 30 * 86_400

ISSUE_HELP = f"""\
The token is signed with the secret in {SECRET_VARIABLE}, which the server must have, too. It is printed
alone, on stdout. Anybody who has the secret can issue tokens for anybody: for development and tests only.

roles: {", ".join(ROLES)}; without one, what an ordinary user may do

example:
  export {SECRET_VARIABLE}="$(openssl rand -hex 32)"
  builder-jupyter serve &
  TOKEN="$(builder-jupyter token issue --user alice --ttl 600)"
"""


def add_token(commands: Commands, places: Places) -> None:
    """Add the command ``token``."""
    del places  # no database has a part in it
    parser = commands.add_parser("token", help="issue tokens for development", description="Issue tokens.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    issue_parser = actions.add_parser(
        "issue",
        help="issue a token and print it",
        description="Issue a JSON Web Token for development and print it.",
        epilog=ISSUE_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    issue_parser.add_argument("--user", required=True, metavar="NAME", help="whom it stands for")
    issue_parser.add_argument(
        "--ttl", type=int, default=DEFAULT_SECONDS, metavar="S", help=f"good for S seconds (default: {DEFAULT_SECONDS})"
    )
    issue_parser.add_argument(
        "--role", action="append", default=[], choices=tuple(ROLES), help="a role; may be given again"
    )
    issue_parser.add_argument("--issuer", help="the claim iss, if the server has BuilderApp.jwt_issuer")
    issue_parser.add_argument("--audience", help="the claim aud, if the server has BuilderApp.jwt_audience")
    issue_parser.set_defaults(action=issue)


def issue(options: argparse.Namespace) -> int:
    """Issue a token; it is the only line on stdout."""
    from builder_jupyter.identity import jwt  # the cryptography is loaded only where it is needed

    if not 1 <= options.ttl <= MAX_SECONDS:
        raise InvalidInput(f"--ttl must be between 1 and {MAX_SECONDS} seconds.", code="INVALID_TTL")
    if not options.user.strip() or len(options.user) > MAX_NAME or not options.user.isprintable():
        raise InvalidInput(f"--user must have 1 to {MAX_NAME} printable characters.", code="INVALID_USER")
    secret = os.environ.get(SECRET_VARIABLE)
    if not secret:
        raise NotConfigured(f"There is no secret in {SECRET_VARIABLE}.", hint="See: builder-jupyter token issue --help")
    now = SystemClock().timestamp()
    token = jwt.issue(
        secret, user=options.user, roles=options.role, now=now, ttl_seconds=options.ttl,
        issuer=options.issuer, audience=options.audience,
    )  # fmt: skip
    print(f"A token of {options.user} for {options.ttl} s:", file=sys.stderr)
    print(token)
    return 0
