"""``billing``: charges as a FOCUS file, and files checked row by row."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from builder_jupyter.cli.options import Commands, Places, client_of

if TYPE_CHECKING:
    from builder_jupyter.costs.focus.check import Fault

MOST_SHOWN = 100
HELP = """\
examples:
  builder-jupyter billing export --from 2026-01-01 --to 2026-02-01 --out january.csv
  builder-jupyter billing export --from 2026-01-01 --to 2026-02-01 --format jsonl --out january.jsonl
  builder-jupyter billing validate january.csv
"""


def add_billing(commands: Commands, places: Places) -> None:
    """Add the command ``billing``."""
    parser = commands.add_parser(
        "billing", help="export charges in FOCUS, and check such files", epilog=HELP,
        description="Export charges in FOCUS 1.3, and check such files.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("export", parents=[places], help="write the charges that were posted in a window")
    one.add_argument("--from", dest="start", required=True, metavar="TIME", help="a day (2026-01-31) or a time, UTC")
    one.add_argument("--to", dest="end", required=True, metavar="TIME", help="the end, exclusive; at most 365 days on")
    one.add_argument("--format", choices=("csv", "jsonl", "parquet"), help="default: as the file's name ends")
    one.add_argument("--out", required=True, type=Path, metavar="FILE")
    one.add_argument("--columns", default="", metavar="A,B,…", help="these columns only")
    one.add_argument("--version", default="1.3", choices=("1.2", "1.3", "1.4"), help="of FOCUS (default: %(default)s)")
    one.add_argument("--safe", action="store_true", help="keep spreadsheets from taking texts for formulas")
    one.set_defaults(action=export)
    one = actions.add_parser("validate", help="check a file of ours (CSV, JSON Lines, Parquet), row by row")
    one.add_argument("file", type=Path)
    one.set_defaults(action=validate)


def export(options: argparse.Namespace) -> int:
    """Write the file and say where it is."""
    written = options.format or options.out.suffix.removeprefix(".") or "csv"
    columns = [name.strip() for name in options.columns.split(",") if name.strip()]
    about = {"fmt": written, "focus_version": options.version, "columns": columns, "safe": options.safe}
    with client_of(options) as client:
        transport = client.transport
        transport.portal.wait(transport.credits.export(options.out, options.start, options.end, **about))
    print(f"Wrote {options.out}", file=sys.stderr)
    return 0


def validate(options: argparse.Namespace) -> int:
    """Print each fault with its row and column; the exit code is 1 when there is one."""
    count = 0
    for fault in _faults(options.file):
        count += 1
        if count <= MOST_SHOWN:
            print(fault)
    if count > MOST_SHOWN:
        print(f"and {count - MOST_SHOWN} more")
    print(f"{count} faults" if count else "No fault found", file=sys.stderr)
    return 1 if count else 0


def _faults(file: Path) -> Iterator[Fault]:
    if file.suffix == ".parquet":
        from builder_jupyter.storage.focus.dataset import Dataset
        from builder_jupyter.storage.focus.places import files_of

        return Dataset([files_of(file)]).faults()
    from builder_jupyter.costs.focus.files import check_file

    return check_file(file)
