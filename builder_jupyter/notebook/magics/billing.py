"""Magics about costs: SQL and ready-made questions over FOCUS charges, and the balance of credits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from IPython.display import display

from builder_jupyter.client.default import default_client
from builder_jupyter.client.focus import FocusData, billing
from builder_jupyter.client.history import KINDS
from builder_jupyter.errors import InvalidInput
from builder_jupyter.notebook.arguments import inputs, parse, value
from builder_jupyter.notebook.completion import USE_CASE
from builder_jupyter.notebook.credits import CreditsView
from builder_jupyter.notebook.magics.cell import CellMagics

if TYPE_CHECKING:
    from argparse import Namespace


@magics_class
class BillingMagics(CellMagics):
    """``%focus``, ``%%focus``, ``%credits``; see `docs/notebook.md`."""

    @no_var_expand
    @line_cell_magic
    @magic_arguments()
    @argument("action", nargs="?", help="use-case, to ask a ready-made question; %%focus alone lists them")
    @argument("name", nargs="?", help="which question")
    @argument("parameters", nargs="*", default=[], metavar="key=value", help="its parameters: JSON, $variable, or text")
    @argument("--data", metavar="$VAR", help="a dataset in a variable; this workspace's charges if left out")
    @argument("--from", dest="first", metavar="DAY", help="charges from this day on, as 2026-01-31")
    @argument("--to-date", dest="end", metavar="DAY", help="charges before this day")
    @argument("--to", choices=KINDS, default="pandas", help="what is returned (%(default)s)")
    @argument("--plot", action="store_true", help="draw the answer above it")
    def focus(self, line: str, cell: str | None = None) -> Any:
        """Ask FOCUS charges: a ready-made question, or, as a cell, the SQL below over the table ``focus``."""
        options = parse(self.focus, line)
        if cell is not None:
            if options.action is not None:
                usage = "%%focus takes SQL below it and no question: write %focus use-case NAME for one."
                raise InvalidInput(usage, code="USAGE")
            if options.first or options.end:
                raise InvalidInput("SQL sees all charges: say in it from when to when.", code="USAGE")
            if not cell.strip():
                raise InvalidInput("The cell asks nothing.", code="EMPTY_CELL", hint="Write SQL over focus below.")
            return self._answered(options, lambda data, to: data.sql(cell, to=to))
        if options.action is None:
            return self._data(options).use_cases()
        if options.action != USE_CASE or options.name is None:
            raise InvalidInput(
                f"{options.action!r} is not to be done here.",
                code="USAGE",
                hint="Write %focus use-case NAME key=value …",
            )
        given = inputs(options.parameters, self.variables)
        return self._answered(options, lambda data, to: data.use_case(options.name, to=to, **given))

    @no_var_expand
    @line_magic
    @magic_arguments()
    def credits(self, line: str) -> CreditsView:
        """Show the balance of credits, for how many days it lasts, and how it has burnt down."""
        parse(self.credits, line)
        client = default_client()
        return CreditsView(client.credits(), client.budget(), billing(client=client))

    def _data(self, options: Namespace) -> FocusData:
        if options.data is None:
            data = billing(client=default_client())
        else:
            data = value(options.data, self.variables)
            if isinstance(data, str) and data in self.variables:  # a name without its dollar
                data = self.variables[data]
            if not isinstance(data, FocusData):
                raise InvalidInput(
                    f"{options.data} is no FOCUS dataset.", code="USAGE", hint="data = bj.focus('…'), then --data $data"
                )
        return data.between(options.first, options.end) if options.first or options.end else data

    def _answered(self, options: Namespace, ask: Any) -> Any:
        """Return an answer, and draw it if that is wanted: of pandas, whatever is returned."""
        data = self._data(options)
        if not options.plot:
            return ask(data, options.to)
        from builder_jupyter.notebook.charts import chart_of

        frame = ask(data, "pandas")
        display(chart_of(frame))
        return frame if options.to == "pandas" else ask(data, options.to)
