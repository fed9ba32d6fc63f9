"""The command ``builder-jupyter``: run, validate and serve workflows from a shell.

Exit codes: 0 it worked; 1 the run failed, the workflow is invalid or something needed is not there; 2 the command line
or a file is wrong, said in one line on stderr; 130 interrupted. Answers go to stdout, everything else to stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from builder_jupyter.cli.billing import add_billing
from builder_jupyter.cli.credits import add_credits
from builder_jupyter.cli.demo import add_demo
from builder_jupyter.cli.doctor import add_doctor
from builder_jupyter.cli.keys import add_keys
from builder_jupyter.cli.run import add_run, add_validate
from builder_jupyter.cli.serve import add_serve
from builder_jupyter.cli.team import add_team
from builder_jupyter.cli.token import add_token
from builder_jupyter.cli.upkeep import add_upkeep
from builder_jupyter.errors import BuilderError, InvalidInput, NotFound, TooLarge
from builder_jupyter.logs import FieldsFormatter

BAD_INPUT = (InvalidInput, NotFound, TooLarge)
INTERRUPTED = 130

COMMANDS = (
    add_demo, add_serve, add_run, add_validate, add_keys, add_token, add_credits, add_billing, add_upkeep, add_doctor,
)  # fmt: skip
DESCRIPTION = "Draw, run and trace agent workflows in Jupyter; this command does so from a shell."
EXAMPLES = """\
examples:
  builder-jupyter demo                      run a support workflow on a local model, then open it in JupyterLab
  builder-jupyter serve                     start JupyterLab with the workflow server here
  builder-jupyter validate my.workflow.json
  builder-jupyter run my.workflow.json --input message="Where is my invoice?"
  builder-jupyter keys create --name ci --scopes read:canvases,run:workflows
  builder-jupyter credits balance
  builder-jupyter backup monday.tar
  builder-jupyter doctor                    see what is installed and what is running

exit codes: 0 it worked, 1 a run failed or a workflow is invalid, 2 wrong usage or input, 130 interrupted
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (the process's own by default) and return its exit code."""
    _prepare_streams()
    to_stderr = logging.StreamHandler(sys.stderr)
    to_stderr.setFormatter(FieldsFormatter("%(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[to_stderr])
    parser = _parser()
    try:
        options, rest = parser.parse_known_args(argv)
        if rest and not getattr(options, "passes_on", False):
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        options.rest = rest
        code: int = options.action(options)
        sys.stdout.flush()
    except SystemExit as stop:  # argparse: 0 after --help, 2 after a mistake
        return stop.code if isinstance(stop.code, int) else 2
    except BuilderError as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 2 if isinstance(error, BAD_INPUT) else 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone. Python would complain again when it flushes at exit.
        with contextlib.suppress(OSError, io.UnsupportedOperation):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and stop with 2."""
        self.exit(2, f"error: {message} (see: {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="builder-jupyter",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"builder-jupyter {version('builder_jupyter')}")
    _add_places(parser, default=None)
    places = argparse.ArgumentParser(add_help=False)
    _add_places(places, default=argparse.SUPPRESS)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for add in (
        add_demo,
        add_serve,
        add_run,
        add_validate,
        add_keys,
        add_team,
        add_token,
        add_credits,
        add_billing,
        add_upkeep,
        add_doctor,
    ):
        add(commands, places)
    return parser


def _add_places(parser: argparse.ArgumentParser, *, default: object) -> None:
    """Add the options of every command, which may stand before or after its name."""
    places = parser.add_argument_group("which database")
    places.add_argument(
        "--root-dir",
        type=Path,
        default=default,
        metavar="DIR",
        help="the folder that JupyterLab shows; each has its own database (default: the current folder)",
    )
    places.add_argument(
        "--data-dir", type=Path, default=default, metavar="DIR", help="where the database lies, if not there"
    )


def _prepare_streams() -> None:
    """Let no character that a terminal cannot show break a run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
