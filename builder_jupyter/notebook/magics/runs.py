"""Magics about runs: begun, answered, repeated, compared, asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from builder_jupyter.client.default import default_client
from builder_jupyter.client.diff import diff
from builder_jupyter.client.history import KINDS, ask_history
from builder_jupyter.errors import StepError
from builder_jupyter.execution.status import ExecutionStatus
from builder_jupyter.notebook.arguments import inputs, parse, target, value
from builder_jupyter.notebook.magics.cell import CellMagics
from builder_jupyter.notebook.runs import find_run, first_option, the_question, waiting_runs

if TYPE_CHECKING:
    import pandas as pd

    from builder_jupyter.client.execution import Execution

LAST_RUN = "_run"


@magics_class
class RunMagics(CellMagics):
    """``%run_workflow``, ``%runs``, ``%answer``, ``%approve``, ``%replay``, ``%diff``; see `docs/notebook.md`."""

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
        workflow, given = target(options.workflow, self.variables), inputs(options.inputs, self.variables)
        show = False if options.quiet else None
        run = default_client().run(workflow, given, trigger=options.trigger, show=show)
        self.variables[LAST_RUN] = run
        return _successful(run)

    @no_var_expand
    @line_cell_magic
    @magic_arguments()
    @argument("workflow", nargs="?", help="the name or id of a workflow; all if left out")
    @argument("--limit", type=int, default=50, metavar="N", help="how many at most (%(default)s)")
    @argument("--to", choices=KINDS, default="pandas", help="of a query: what it returns (%(default)s)")
    def runs(self, line: str, cell: str | None = None) -> Any:
        """List the newest runs; as a cell, answer the SQL below over ``executions``, ``steps`` and ``events``."""
        options = parse(self.runs, line)
        workflow = None if options.workflow is None else self.name_of(options.workflow)
        if cell is None:
            return default_client().executions(workflow, limit=options.limit)
        return ask_history(default_client(), cell, workflow=workflow, limit=options.limit, to=options.to)

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("run", help="a run in a variable, its id, or a workflow of which a run waits")
    @argument("value", help="the answer: JSON, $variable, or text, in quotes if it has blanks")
    @argument("--step", metavar="STEP", help="the step that waits, if there are several")
    def answer(self, line: str) -> Execution:
        """Answer what a run waits for, and return the run when it is over or waits again."""
        options = parse(self.answer, line)
        run = find_run(options.run, self.variables, default_client(), waiting=True)
        return run.answer(value(options.value, self.variables), options.step).wait()

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("run", help="a run in a variable, its id, or a workflow whose newest run is meant")
    @argument("inputs", nargs="*", default=[], metavar="key=value", help="inputs that differ: JSON, $variable, or text")
    @argument("--from", dest="step", metavar="STEP", help="the step to begin with; what was before it is taken over")
    @argument("--visit", type=int, metavar="N", help="which visit of the step, the latest if left out")
    @argument(
        "--edit",
        action="append",
        default=[],
        metavar="STEP=TEXT",
        help="what a step is to have said: text or $variable",
    )
    @argument("--quiet", action="store_true", help="do not show how the run gets on")
    def replay(self, line: str) -> Execution:
        """Run again what has been run, whole, from a step on or behind edited steps, and return the new run."""
        options = parse(self.replay, line)
        run = find_run(options.run, self.variables, default_client(), waiting=False)
        changed = inputs(options.inputs, self.variables)
        again = run.replay(
            options.step,
            visit=options.visit,
            inputs={**run.inputs, **changed} if changed else None,
            edits=inputs(options.edit, self.variables) or None,
        )
        return again.wait(show=False if options.quiet else None)

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("run_a", help="a run in a variable, its id, or a workflow whose newest run is meant")
    @argument("run_b", help="the run that it is compared with")
    def diff(self, line: str) -> pd.DataFrame:
        """Compare two runs, a row for each step and visit."""
        options = parse(self.diff, line)
        one, other = (
            find_run(word, self.variables, default_client(), waiting=False) for word in (options.run_a, options.run_b)
        )
        return diff(one, other)

    @no_var_expand
    @line_magic
    @magic_arguments()
    @argument("run", nargs="?", help="a run in a variable, its id, or a workflow of which a run waits")
    @argument("value", nargs="?", help="the answer: JSON, $variable, or text; the first option if left out")
    @argument("--step", metavar="STEP", help="the step that waits, if there are several")
    def approve(self, line: str) -> Execution:
        """Answer the one question that is open, by its first option if no answer is given, and wait on."""
        options = parse(self.approve, line)
        client = default_client()
        runs = waiting_runs(client)
        if options.run is not None:
            runs = [find_run(options.run, self.variables, client, waiting=True)]
        run, question = the_question(runs, options.step)
        given = first_option(question) if options.value is None else value(options.value, self.variables)
        question.answer(given)
        return run.wait()


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
