"""The magics: workflows written, run and listed in cells. ``%load_ext builder_jupyter`` brings them.

Each parses its line, asks the default client and returns something that can be shown. IPython must not expand
variables in the lines: an input ``{"a": 1}`` is JSON, and ``$name`` is the object rather than its text.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from IPython.display import display

from builder_jupyter.client.default import default_client
from builder_jupyter.client.frames import findings_frame
from builder_jupyter.codegen.reading import read_code
from builder_jupyter.errors import InvalidInput, NotConfigured, NotFound, StepError, Unprocessable, finding_lines
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.graph.dialects.plain import parse_plain
from builder_jupyter.graph.model import Workflow
from builder_jupyter.notebook.arguments import inputs, parse, target, value, variable
from builder_jupyter.notebook.completion import MAGICS, complete
from builder_jupyter.notebook.runs import find_run

if TYPE_CHECKING:
    import pandas as pd

    from builder_jupyter.client.execution import Execution

CANVAS = "builder_jupyter.notebook.widgets.canvas"
LAST_RUN = "_run"
FIRST_LINE = 2
"""The text of a cell begins below the magic, and messages count the lines as the cell does."""


@magics_class
class WorkflowMagics(Magics):
    """``%%workflow``, ``%run_workflow``, ``%workflows``, ``%runs``, and what else `docs/notebook.md` lists."""

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
        name = self._name(options.name)
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
            found = _kept(read(cell, name), options.no_save, self._text(options))
        if options.variable:
            self._variables[options.variable] = found
        return found

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("workflow", help="the name or id of a saved workflow, or $variable")
    @argument("inputs", nargs="*", default=[], metavar="key=value", help="inputs: JSON, $variable, or text")
    @argument("--trigger", metavar="NODE", help="the node to start from, if there are several triggers")
    @argument("--quiet", action="store_true", help="do not show how the run gets on")
    def run_workflow(self, line: str) -> Execution:
        """Run a workflow to its end and return the execution, also as ``_run``; one that fails is an error."""
        options = parse(self.run_workflow, line)
        workflow, given = target(options.workflow, self._variables), inputs(options.inputs, self._variables)
        show = False if options.quiet else None
        run = default_client().run(workflow, given, trigger=options.trigger, show=show)
        self._variables[LAST_RUN] = run
        return _successful(run)

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
        return default_client().versions(target(parse(self.versions, line).workflow, self._variables))

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("workflow", nargs="?", help="the name or id of a workflow; all if left out")
    @argument("--limit", type=int, default=50, metavar="N", help="how many at most (%(default)s)")
    def runs(self, line: str) -> pd.DataFrame:
        """List the newest runs."""
        options = parse(self.runs, line)
        workflow = None if options.workflow is None else self._name(options.workflow)
        return default_client().executions(workflow, limit=options.limit)

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("run", help="a run in a variable, its id, or a workflow of which a run waits")
    @argument("value", help="the answer: JSON, $variable, or text, in quotes if it has blanks")
    @argument("--step", metavar="STEP", help="the step that waits, if there are several")
    def answer(self, line: str) -> Execution:
        """Answer what a run waits for, and return the run when it is over or waits again."""
        options = parse(self.answer, line)
        run = find_run(options.run, self._variables, default_client(), waiting=True)
        return run.answer(value(options.value, self._variables), options.step).wait()

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("run", help="a run in a variable, its id, or a workflow whose newest run is meant")
    @argument("inputs", nargs="*", default=[], metavar="key=value", help="inputs that differ: JSON, $variable, or text")
    @argument("--from", dest="step", metavar="STEP", help="the step to begin with; what was before it is taken over")
    @argument("--visit", type=int, metavar="N", help="which visit of the step, the latest if left out")
    @argument("--quiet", action="store_true", help="do not show how the run gets on")
    def replay(self, line: str) -> Execution:
        """Run again what has been run, whole or from a step on, and return the new run."""
        options = parse(self.replay, line)
        run = find_run(options.run, self._variables, default_client(), waiting=False)
        changed = inputs(options.inputs, self._variables)
        again = run.replay(options.step, visit=options.visit, inputs={**run.inputs, **changed} if changed else None)
        return again.wait(show=False if options.quiet else None)

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("workflow", help="the name or id of a saved workflow, or $variable")
    def canvas(self, line: str) -> Any:
        """Show a workflow as a canvas."""
        found = target(parse(self.canvas, line).workflow, self._variables)
        return _canvas_class()(found if isinstance(found, Workflow) else default_client().workflow(found))

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("workflow", help="the name or id of a saved workflow, or $variable")
    def validate(self, line: str) -> pd.DataFrame:
        """List what is wrong or doubtful about a workflow, and how it can be put right."""
        found = target(parse(self.validate, line).workflow, self._variables)
        client = default_client()
        return findings_frame(client.validate(found if isinstance(found, Workflow) else client.workflow(found)))

    @property
    def _variables(self) -> dict[str, Any]:
        return self.shell.user_ns  # type: ignore[no-any-return,union-attr]

    def _name(self, word: str) -> str:
        found = target(word, self._variables)
        return found.name if isinstance(found, Workflow) else found

    def _text(self, options: Any) -> str | None:
        return None if options.message is None else str(value(options.message, self._variables))


def register(ip: Any) -> None:
    """Give an IPython shell the magics and their completions; doing it twice changes nothing."""
    if not isinstance(ip.magics_manager.registry.get(WorkflowMagics.__name__), WorkflowMagics):
        ip.register_magics(WorkflowMagics)
        ip.input_transformers_cleanup.append(_with_a_body)
        ip.set_hook("complete_command", complete, re_key=rf"(?s).*%({MAGICS})\s")


def _with_a_body(lines: list[str]) -> list[str]:
    """Give ``%%workflow`` an empty line when nothing else is below it.

    IPython refuses a cell magic without a body itself, by a ``UsageError``, which nbval and *Run all* let pass.
    """
    is_empty = len(lines) == 1 and lines[0].split(maxsplit=1)[:1] == ["%%workflow"]
    return [*lines, "\n"] if is_empty else lines


def _successful(run: Execution) -> Execution:
    """Return a run unless it failed. Raises `StepError` with what the run says of it."""
    if run.status is not ExecutionStatus.ERROR:
        return run
    error = run.error or {}
    step = error.get("stepId")
    raise StepError(
        error.get("message") or "The run failed.",
        code=error.get("code"),
        details={"executionId": run.id, "stepId": step},
        hint=f"See {LAST_RUN}[{step!r}]." if step else f"See {LAST_RUN}.steps.",
    )


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
