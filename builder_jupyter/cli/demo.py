"""``demo``: the support workflow on the local model, in the terminal, then in JupyterLab."""

from __future__ import annotations

import argparse
import csv
import importlib.util
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from builder_jupyter.cli.options import Commands, Places, read_workflow
from builder_jupyter.cli.serve import become, has_lab, jupyter_command
from builder_jupyter.client.tables import steps_text
from builder_jupyter.errors import InvalidInput, NotConfigured
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.places import demo_folder

if TYPE_CHECKING:
    from builder_jupyter.client.client import Client

DEFAULT_TICKET = "T-1019"
BAR_CHARACTERS = 30


def add_demo(commands: Commands, places: Places) -> None:
    """Add the command ``demo``."""
    parser = commands.add_parser(
        "demo",
        parents=[places],
        help="run a support workflow on a local model, then open it in JupyterLab",
        description=(
            "Fetch a small language model (98 MB, once), run a customer support workflow with it in the terminal, and "
            "open the quickstart notebook in JupyterLab. Needs no key and no account; keeps nothing in a database."
        ),
    )
    parser.add_argument("--ticket", default=DEFAULT_TICKET, metavar="ID", help="the ticket to answer (1 to 30)")
    parser.add_argument("--no-lab", action="store_true", help="stop after the run; say how to open the notebook")
    parser.add_argument(
        "--dir", type=Path, default=Path("builder-demo"), metavar="DIR", help="where the notebook goes (%(default)s)"
    )
    parser.set_defaults(action=demo)


def demo(options: argparse.Namespace) -> int:
    """Run the demo; 0 when the workflow completed."""
    folder = demo_folder()
    ticket = find_ticket(folder / "data" / "tickets.csv", options.ticket)
    fetch_model()
    from builder_jupyter.client.connect import EMBEDDED, connect

    with connect(EMBEDDED) as client:
        is_completed = run_ticket(client, folder / "data" / "support.workflow.json", ticket)
    if not is_completed:
        return 1
    notebook = copy_notebooks(folder, options.dir)
    command = [
        *jupyter_command(),
        f"--ServerApp.root_dir={notebook.parent.resolve()}",
        f"--LabApp.default_url=/lab/tree/{notebook.name}",  # so that the address that Jupyter prints leads there
    ]
    if is_root():
        command.append("--allow-root")  # Jupyter refuses root otherwise; whether to insist is the user's decision
    if options.no_lab or is_root() or not has_lab() or not (sys.stdin.isatty() and sys.stdout.isatty()):
        install = "" if has_lab() else "pip install 'builder_jupyter[lab]' && "
        print(f"\nOpen the quickstart notebook in JupyterLab:\n    {install}{shlex.join(command)}")
        return 0
    print("\nJupyterLab starts with the quickstart notebook; its address comes below. Ctrl-C stops it.\n")
    return become(command)


def is_root() -> bool:
    """Whether this process may do everything on this machine."""
    return os.name == "posix" and os.geteuid() == 0


def find_ticket(path: Path, wanted: str) -> dict[str, str]:
    """Return a ticket by id (``T-1019``) or number (``19``). Raises `InvalidInput` (``UNKNOWN_TICKET``)."""
    with path.open(encoding="utf-8", newline="") as file:
        tickets = list(csv.DictReader(file))
    for number, ticket in enumerate(tickets, start=1):
        if wanted.upper() in (ticket["id"], str(number)):
            return ticket
    raise InvalidInput(f"There is no ticket {wanted!r}; there are 1 to {len(tickets)}.", code="UNKNOWN_TICKET")


def run_ticket(client: Client, path: Path, ticket: dict[str, str]) -> bool:
    """Run the workflow of a file on a ticket, showing it live on stdout; say whether it completed."""
    from builder_jupyter.client.progress_terminal import TerminalProgress

    print(f"Ticket {ticket['id']} from {ticket['customer']}: {ticket['subject']}\n    {ticket['message']}\n")
    execution = client.start(read_workflow(path), message=ticket["message"])
    execution.wait(progress=TerminalProgress(sys.stdout))
    print(f"\n{steps_text(execution.snapshot)}")
    return execution.status is ExecutionStatus.COMPLETED


def copy_notebooks(source: Path, target: Path) -> Path:
    """Copy the example notebooks and their data, keeping what is there already; return the quickstart's path."""
    for path in sorted(source.rglob("*")):
        is_ours = path.suffix in (".ipynb", ".csv", ".json") and ".ipynb_checkpoints" not in path.parts
        copy = target / path.relative_to(source)
        if is_ours and not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return target / "quickstart.ipynb"


def fetch_model() -> None:
    """Get the local model if it is not there, with a bar on a terminal and a line every tenth elsewhere."""
    from builder_jupyter.connectors.model_files import ensure_model

    if importlib.util.find_spec("xllamacpp") is None:
        raise NotConfigured(
            "The demo needs the local model's package xllamacpp, which is not installed.",
            hint="Run: pip install 'builder_jupyter[local]'",
        )
    meter = DownloadMeter(is_bar=sys.stderr.isatty())
    ensure_model(meter)
    meter.finish()


class DownloadMeter:
    """Shows on stderr how far a download is."""

    def __init__(self, *, is_bar: bool) -> None:
        self._is_bar = is_bar
        self._tenth = -1

    def __call__(self, done: int, total: int) -> None:
        """Show ``done`` of ``total`` bytes."""
        share = done / total if total else 1.0
        if self._is_bar:
            filled = round(share * BAR_CHARACTERS)
            bar = "#" * filled + "." * (BAR_CHARACTERS - filled)
            sys.stderr.write(f"\rFetching the local model [{bar}] {share:4.0%} of {total / 1e6:.0f} MB")
        elif int(share * 10) > self._tenth:
            sys.stderr.write(f"Fetching the local model: {share:.0%} of {total / 1e6:.0f} MB\n")
        self._tenth = max(self._tenth, int(share * 10))
        sys.stderr.flush()

    def finish(self) -> None:
        """End the line of the bar, if there was one."""
        if self._is_bar and self._tenth >= 0:
            sys.stderr.write("\n")
