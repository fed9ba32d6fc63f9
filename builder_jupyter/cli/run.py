"""``run`` and ``validate``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder_jupyter.cli.options import Commands, Places, client_of, read_text, read_workflow
from builder_jupyter.errors import InvalidInput
from builder_jupyter.execution.status import ExecutionStatus

if TYPE_CHECKING:
    from builder_jupyter.client.client import Client
    from builder_jupyter.graph.model import Workflow

RUN_EXAMPLES = """\
examples:
  builder-jupyter run support.workflow.json --input message="My invoice is wrong"
  builder-jupyter run wf_0123456789ab --inputs-file inputs.json --json > result.json
  builder-jupyter run "Customer Support Agent" --input message=hello --input urgent=true

The run is shown on stderr; its output alone goes to stdout.
"""


def add_run(commands: Commands, places: Places) -> None:
    """Add the command ``run``."""
    parser = commands.add_parser(
        "run",
        parents=[places],
        help="run a workflow and print what comes out",
        description="Run a workflow and print what comes out. A file is saved in the database under its name first.",
        epilog=RUN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("workflow", metavar="FILE|ID", help="a workflow file, or the id or name of a saved workflow")
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="one input of the run; may be repeated. A value that is JSON is read as JSON, any other is text",
    )
    parser.add_argument("--inputs-file", type=Path, metavar="FILE", help="a JSON object of inputs")
    parser.add_argument("--trigger", metavar="NODE", help="the node to start from, if there are several triggers")
    parser.add_argument("--json", action="store_true", help="print the whole execution as JSON")
    parser.add_argument("--quiet", action="store_true", help="do not show how the run gets on")
    parser.add_argument("--no-save", action="store_true", help="run a file in memory and leave the database alone")
    parser.set_defaults(action=run)


def add_validate(commands: Commands, places: Places) -> None:
    """Add the command ``validate``."""
    parser = commands.add_parser(
        "validate",
        parents=[places],
        help="check a workflow file without running it",
        description="Check a workflow file: one finding a line. Warnings alone leave a workflow valid.",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help='print {"valid", "errors", "warnings"}')
    parser.set_defaults(action=validate)


def run(options: argparse.Namespace) -> int:
    """Run a workflow; 0 when it completed."""
    inputs = inputs_of(options.input, options.inputs_file)
    path = Path(options.workflow)
    is_file = path.is_file() or path.suffix == ".json" or options.no_save
    workflow = read_workflow(path) if is_file else options.workflow
    with _memory() if options.no_save else client_of(options) as client:
        show = False if options.quiet else None
        execution = client.run(workflow, inputs, trigger=options.trigger, show=show)
        if options.json:
            print(json.dumps(execution.snapshot, indent=2, ensure_ascii=False))
        elif execution.status is ExecutionStatus.COMPLETED:
            print(execution.text)
        if execution.status is ExecutionStatus.COMPLETED:
            return 0
        print(f"error: {_reason(execution.snapshot)}", file=sys.stderr)
        return 1


def validate(options: argparse.Namespace) -> int:
    """Judge a workflow file; 0 when it is valid."""
    workflow = read_workflow(options.file)
    with _memory() as client:
        verdict = client.validate(workflow)
    if options.json:
        print(json.dumps(verdict, indent=2, ensure_ascii=False))
    else:
        _print_findings(workflow, verdict)
    return 0 if verdict["valid"] else 1


def _print_findings(workflow: Workflow, verdict: dict[str, Any]) -> None:
    for finding in [*verdict["errors"], *verdict["warnings"]]:
        place = finding.get("node_id") or ", ".join(finding.get("node_ids", ())) or finding.get("edge_id") or "-"
        print(f"{finding['severity']}  {finding['type']}  {place}  {finding['message']}")
    word = "valid" if verdict["valid"] else "invalid"
    counts = f"{len(verdict['errors'])} errors, {len(verdict['warnings'])} warnings"
    print(f"{workflow.name}: {word} ({counts})", file=sys.stderr)


def inputs_of(pairs: list[str], path: Path | None) -> dict[str, Any]:
    """Return the inputs that the options give; single ones win over the file's.

    Raises `InvalidInput` (``INVALID_INPUTS``) for a pair without ``=``, and for a file that is no JSON object.
    """
    inputs: dict[str, Any] = {}
    if path is not None:
        try:
            found = json.loads(read_text(path))
        except ValueError as error:
            raise InvalidInput(f"{path} is not JSON: {error}.", code="INVALID_INPUTS") from error
        if not isinstance(found, dict):
            raise InvalidInput(f"{path} must hold a JSON object of inputs.", code="INVALID_INPUTS")
        inputs.update(found)
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise InvalidInput(f"An input is written NAME=VALUE, not {pair!r}.", code="INVALID_INPUTS")
        inputs[name.strip()] = _value(value)
    return inputs


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _memory() -> Client:
    from builder_jupyter.client.connect import EMBEDDED, connect

    return connect(EMBEDDED)


def _reason(picture: dict[str, Any]) -> str:
    error = picture["error"] or {}
    if picture["waitingOn"]:
        return f"the run waits at step {picture['waitingOn']['stepId']!r} for a person's answer"
    where = f" (step {error['stepId']!r})" if error.get("stepId") else ""
    return f"{error.get('message') or 'the run was ' + picture['status']}{where}"
