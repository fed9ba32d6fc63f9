"""``serve``: JupyterLab, or a bare Jupyter Server, with the extension in it."""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import NoReturn

from builder_jupyter.cli.options import Commands, Places


def add_serve(commands: Commands, places: Places) -> None:
    """Add the command ``serve``."""
    parser = commands.add_parser(
        "serve",
        parents=[places],
        help="start JupyterLab with the workflow server",
        description="Start JupyterLab (or Jupyter Server, where that is all there is) with the workflow server in it.",
        epilog="Other options are Jupyter's own and are passed on, e.g. --port 9000 --ip 0.0.0.0",
        allow_abbrev=False,
    )
    parser.add_argument("--open", action="store_true", help="open a browser too")
    parser.set_defaults(action=serve, passes_on=True)


def serve(options: argparse.Namespace) -> int:
    """Become the server; Jupyter prints its address."""
    return become(serve_command(options))


def serve_command(options: argparse.Namespace) -> list[str]:
    """Return the command that starts the server which the options ask for."""
    command = jupyter_command()
    if not options.open:
        command.append("--no-browser")
    if options.root_dir is not None:
        command.append(f"--ServerApp.root_dir={options.root_dir.expanduser().resolve()}")
    if options.data_dir is not None:
        command.append(f"--BuilderApp.data_dir={options.data_dir.expanduser().resolve()}")
    return [*command, *options.rest]


def jupyter_command() -> list[str]:
    """Return how to start what is installed: JupyterLab, else Jupyter Server with the extension named to it."""
    if has_lab():
        return [sys.executable, "-m", "jupyterlab"]
    return [sys.executable, "-m", "jupyter_server"]


def has_lab() -> bool:
    """Whether JupyterLab is installed. Imports nothing."""
    return importlib.util.find_spec("jupyterlab") is not None


def become(command: Sequence[str]) -> NoReturn:
    """Replace this process by a command, so that signals and the terminal are the command's."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execv(command[0], list(command))  # noqa: S606 - our own interpreter, no shell
    sys.exit(subprocess.call(list(command)))  # noqa: S603 - likewise; Windows cannot replace a process
