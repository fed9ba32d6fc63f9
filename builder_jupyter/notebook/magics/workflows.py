"""Magics about workflows: written, looked at, judged."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from IPython.core.magic import line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from IPython.display import display

from builder_jupyter.client.default import default_client
from builder_jupyter.client.frames import findings_frame
from builder_jupyter.codegen.reading import read_code
from builder_jupyter.errors import InvalidInput, NotConfigured, NotFound, Unprocessable, finding_lines
from builder_jupyter.graph.dialects.plain import parse_plain
from builder_jupyter.graph.model import Workflow
from builder_jupyter.notebook.arguments import parse, target, value, variable
from builder_jupyter.notebook.magics.cell import CellMagics

if TYPE_CHECKING:
    import pandas as pd

CANVAS = "builder_jupyter.notebook.widgets.canvas"
FIRST_LINE = 2
"""The text of a cell begins below the magic, and messages count the lines as the cell does."""


@magics_class
class WorkflowMagics(CellMagics):
    """``%%workflow``, ``%workflows``, ``%versions``, ``%canvas``, ``%validate``; see `docs/notebook.md`."""

    @no_var_expand
    @line_cell_magic
    @magic_arguments()
    @argument("name", help="the workflow's name; in quotes if it has blanks")
    @argument("--from-code", action="store_true", help="the cell is LangGraph code, which is read and never run")
    @argument("--no-save", action="store_true", help="check the workflow, but do not save it")
    @argument("--as", dest="variable", type=variable, metavar="VAR", help="also assign the workflow to a variable")
    @argument("--message", type=str, metavar="TEXT", help="what has changed, for the list of versions")
    def workflow(self, line: str, cell: str | None = None) -> Workflow:
        """Save the workflow that a cell describes, in the text form, as JSON or as LangGraph code, and show it.

        As a line, ``%workflow NAME``, it shows a saved workflow.
        """
        options = parse(self.workflow, line)
        name = self.name_of(options.name)
        found: Workflow
        if cell is None:
            found = default_client().workflow(name)
        elif not cell.strip():
            raise InvalidInput(
                f"The cell does not say what {name} is.",
                code="EMPTY_CELL",
                hint="Describe it below, or show a saved one with %workflow NAME.",
            )
        else:
            read = _from_code if options.from_code else _from_text
            found = _kept(read(cell, name), options.no_save, self._message(options))
        if options.variable:
            self.variables[options.variable] = found
        return found

    @no_var_expand
    @line_magic
    @magic_arguments()
    def workflows(self, line: str) -> pd.DataFrame:
        """List the saved workflows, newest change first."""
        parse(self.workflows, line)
        return default_client().workflows()

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("workflow", help="the name or id of a saved workflow, or $variable")
    def versions(self, line: str) -> pd.DataFrame:
        """List the saved versions of a workflow, newest first."""
        return default_client().versions(target(parse(self.versions, line).workflow, self.variables))

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("workflow", help="the name or id of a saved workflow, or $variable")
    def canvas(self, line: str) -> Any:
        """Show a workflow as a canvas."""
        found = target(parse(self.canvas, line).workflow, self.variables)
        return _canvas_class()(found if isinstance(found, Workflow) else default_client().workflow(found))

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("workflow", help="the name or id of a saved workflow, or $variable")
    def validate(self, line: str) -> pd.DataFrame:
        """List what is wrong or doubtful about a workflow, and how it can be put right."""
        found = target(parse(self.validate, line).workflow, self.variables)
        client = default_client()
        return findings_frame(client.validate(found if isinstance(found, Workflow) else client.workflow(found)))

    def _message(self, options: Any) -> str | None:
        return None if options.message is None else str(value(options.message, self.variables))


def _from_text(cell: str, name: str) -> Workflow:
    return parse_plain(cell, name=name, first_line=FIRST_LINE)


def _from_code(cell: str, name: str) -> Workflow:
    """Return the workflow of LangGraph code, and show what of the code it does not say."""
    reading = read_code("\n" * (FIRST_LINE - 1) + cell)
    if reading.report:
        lines = (f"line {note.line}: {note.what}: {note.why}" for note in reading.report)
        display({"text/plain": "\n".join(lines)}, raw=True)
    return replace(reading.workflow, name=name)


def _kept(workflow: Workflow, no_save: bool, message: str | None) -> Workflow:
    """Judge a workflow, show what is doubtful, and save it unless told not to.

    Raises `Unprocessable` (``VALIDATION_FAILED``) with the findings and their fixes.
    """
    verdict = default_client().validate(workflow)
    if not verdict["valid"]:
        raise Unprocessable("Workflow validation failed", details=verdict)
    if verdict["warnings"]:
        print(*finding_lines(verdict), sep="\n")  # noqa: T201 - what a magic prints is shown above its result
    return workflow if no_save else default_client().save(_placed(workflow), message)


def _placed(workflow: Workflow) -> Workflow:
    """Return a workflow whose nodes without a position have that of the saved one: a cell run again moves nothing."""
    try:
        saved = default_client().workflow(workflow.name).nodes_by_id
    except NotFound:
        return workflow
    places = {node_id: node.position for node_id, node in saved.items()}
    return workflow.with_nodes(replace(n, position=n.position or places.get(n.id)) for n in workflow.nodes)


def _canvas_class() -> Any:
    try:
        return import_module(CANVAS).Canvas
    except ModuleNotFoundError as error:
        raise NotConfigured(
            f"There is no canvas here: the module {error.name} is missing.",
            hint="%workflow NAME shows a picture of the workflow.",
        ) from error
