"""`bj.BillingPanel`: costs looked into with the mouse. Plain ipywidgets, so that it needs no extension of ours."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from functools import partial
from html import escape
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from builder_jupyter.client.default import default_client
from builder_jupyter.client.focus import billing
from builder_jupyter.errors import BuilderError
from builder_jupyter.notebook.costs import Costs, Row, first_view
from builder_jupyter.notebook.display import VIEW_MIME

if TYPE_CHECKING:
    from builder_jupyter.client.focus import FocusData

MOST_TAGS = 8
"""Of a vendor's tags, how many are offered; `FocusData.breakdown` takes all."""

_FOLDER = "the folder of this notebook"


class BillingPanel(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Charges by service, month, workflow, model, trigger or tag: chart and table, steps down, and out as a file.

    Parameters
    ----------
    data : what `bj.billing` or `bj.focus` returned; this workspace's own charges when None.
    budget : what a month may cost, drawn as a line: in credits for this workspace, where it is the workspace's budget
        (`bj.budget`) if left out, else in the effective cost's currency.

    Raises
    ------
    NotConfigured : ``NO_LIBRARY``: there is nothing that draws charts.
    """

    def __init__(self, data: FocusData | None = None, *, budget: float | None = None) -> None:
        is_own = data is None
        charges = billing() if data is None else data
        if is_own and budget is None:
            budget = default_client().budget()["creditsPerMonth"]
        self.costs = first_view(charges, budget=budget, budgeted="credits" if is_own else "effective")
        self._setting = False
        self._make(charges)
        super().__init__(
            [
                widgets.HTML(f"<style>{_css()}</style>"),
                self._row("bar", self.first, self.last, self.group, self.measure),
                self.crumbs,
                self._row("body", self._classed(widgets.VBox([self.head, self.picture]), "chart"), self.table),
                self._row("foot", self.kind, self.out, self.said),
            ]
        )
        self.add_class("bj-billing")
        self.show(self.costs)

    def show(self, costs: Costs) -> None:
        """Show a view."""
        self.costs = costs
        self._setting = True
        try:
            known = {title: name for name, title in self._groups().items()}
            self.group.options = [*known.items()]
            self.group.value = costs.by
            self.measure.value = costs.measure
        finally:
            self._setting = False
        rows = costs.rows()
        self.crumbs.children = self._trail()
        self.table.children = self._lines(rows)
        total = sum(row.amount for row in rows)
        self.head.value = f'<div class="bj-total"><b>{_number(total)}</b> {escape(costs.unit)}</div>{self._against()}'
        self._draw()

    def _make(self, charges: FocusData) -> None:
        style = {"description_width": "initial"}
        self.first = widgets.DatePicker(description="From", style=style)
        self.last = widgets.DatePicker(description="To", style=style, tooltip="The last day that counts")
        self.group = widgets.Dropdown(description="Group by", options=[], style=style)
        measures = [(title, name) for name, title in charges.measures().items()]
        self.measure = widgets.Dropdown(description="Show", options=measures, style=style)
        self.crumbs = self._classed(widgets.HBox(), "crumbs")
        self.head = widgets.HTML()
        self.picture = widgets.Output()
        self.table = self._classed(widgets.GridBox(), "table")
        self.kind = widgets.Dropdown(
            description="Export",
            options=[("CSV", ".csv"), ("JSON Lines", ".jsonl"), ("Parquet", ".parquet")],
            style=style,
        )
        self.out = widgets.Button(description="Export", tooltip=f"Write these charges into {_FOLDER}")
        self.said = widgets.HTML()
        self.out.on_click(self._export)
        for one in (self.first, self.last, self.group, self.measure):
            one.observe(self._changed, "value")

    def _changed(self, _change: Any) -> None:
        if self._setting:
            return
        by = self.group.value
        path = () if by != self.costs.by else self.costs.path
        found = replace(
            self.costs, by=by, path=path, measure=self.measure.value, first=self.first.value, last=self.last.value
        )
        self.said.value = ""
        self.show(found)

    def _groups(self) -> dict[str, str]:
        found, tags = {}, 0
        for name, title in self.costs.data.dimensions().items():
            tags += name.startswith("tag:")
            if tags <= MOST_TAGS or name == self.costs.by:
                found[name] = title
        return found

    def _trail(self) -> list[Any]:
        """Return the way here: a button for each step back."""
        path = self.costs.path
        if not path:
            return []
        known = self.costs.data.dimensions()
        parts: list[Any] = [self._link("All", partial(self._go, 0))]
        for level, (name, value) in enumerate(path, 1):
            word = f"{known.get(name, name)}: {value if value is not None else 'none'}"
            parts.append(widgets.HTML('<span class="bj-sep">›</span>'))
            parts.append(
                widgets.HTML(f'<span class="bj-here">{escape(word)}</span>')
                if level == len(path)
                else self._link(word, partial(self._go, level))
            )
        return parts

    def _go(self, level: int, _button: Any) -> None:
        self.said.value = ""
        self.show(self.costs.up(level))

    def _lines(self, rows: list[Row]) -> list[Any]:
        if not rows:
            return [widgets.HTML('<div class="bj-none">No charges in this time.</div>')]
        title = self.costs.data.dimensions().get(self.costs.by, self.costs.by)
        cells = [
            _cell(title, "th"),
            _cell(self.costs.unit, "th num"),
            _cell("Share", "th num"),
            _cell("Charges", "th num"),
        ]
        leads = self.costs.inner() is not None
        for row in rows:
            if leads and not row.is_rest:
                name = self._link(row.label, partial(self._step, row))
                name.tooltip = f"{row.label}: show what is behind it"
            else:
                name = _cell(row.label, "name")
            share = "" if row.share is None else f"{row.share:.1%}"
            cells += [name, _cell(_number(row.amount), "num"), _cell(share, "num"), _cell(f"{row.charges:,}", "num")]
        return cells

    def _step(self, row: Row, _button: Any) -> None:
        self.said.value = ""
        self.show(self.costs.down(row))

    def _against(self) -> str:
        """Return how the whole stands to the budget, where it is one month's."""
        costs = self.costs
        if costs.budget is None or costs.path or costs.measure != costs.budgeted:
            return ""
        return f'<div class="bj-budget">Budget {_number(costs.budget)} {escape(costs.unit)} a month</div>'

    def _draw(self) -> None:
        chart = self.costs.chart()
        if chart is None:
            self.picture.outputs = ()
            return
        data, metadata = chart._repr_mimebundle_()
        self.picture.outputs = ({"output_type": "display_data", "data": data, "metadata": metadata},)

    def _export(self, _button: Any) -> None:
        try:
            path, charges = self.costs.export(Path.cwd(), self.kind.value)
        except BuilderError as error:
            self.said.value = f'<span class="bj-fault" role="alert">{escape(str(error))}</span>'
            return
        self.said.value = (
            f'<span role="status">{charges:,} charges in <code>{escape(path.name)}</code>, in {_FOLDER}.</span>'
        )

    def _link(self, text: str, act: Any) -> Any:
        button = self._classed(widgets.Button(description=text, tooltip=text), "link")
        button.on_click(act)
        return button

    def _row(self, name: str, *parts: Any) -> Any:
        return self._classed(widgets.HBox(parts), name)

    @staticmethod
    def _classed(widget: Any, name: str) -> Any:
        widget.add_class(f"bj-{name}")
        return widget

    def _repr_mimebundle_(self, **_selection: object) -> dict[str, Any]:
        """Return the view, and for pages without a kernel a picture of the chart and the table as text."""
        rows = self.costs.rows()
        lines = [f"{row.label}: {_number(row.amount)} {self.costs.unit}" for row in rows]
        bundle: dict[str, Any] = {"text/plain": "\n".join([f"<BillingPanel of {self.costs.data!r}>", *lines])}
        chart = self.costs.chart()
        if chart is not None:
            bundle["image/png"] = b64encode(chart.to_png()).decode()
        return {**bundle, VIEW_MIME: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}}


def _cell(text: str, kind: str) -> Any:
    return widgets.HTML(f'<div class="bj-cell {kind}" title="{escape(text)}">{escape(text)}</div>')


def _number(amount: float) -> str:
    """Return an amount with the digits that a person reads: cents, and more of what is less than one."""
    if amount == int(amount):
        return f"{int(amount):,}"
    return f"{amount:,.2f}" if abs(amount) >= 1 else f"{amount:.4g}"


def _css() -> str:
    return resources.files(__package__).joinpath("billing.css").read_text("utf-8")
