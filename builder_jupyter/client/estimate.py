"""What a run would cost, as a value that says so in a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from builder_jupyter.money import Credits

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Estimate:
    """What is set aside for a run: with ``may_repeat`` it may cost more, and where a router chooses it costs less.

    Parameters
    ----------
    credits : of all steps, each once.
    may_repeat : whether some step may be visited again: in a loop, or in a workflow that another runs.
    steps : a row a step: step, name, type, credits, may_repeat; see `frames.estimate_frame`.
    """

    credits: Credits
    may_repeat: bool
    steps: pd.DataFrame

    def __repr__(self) -> str:
        paid = int((self.steps["credits"] > 0).sum())
        unit = "credit" if self.credits == 1 else "credits"
        more = "; steps in loops and inner workflows may cost it again" if self.may_repeat else ""
        return f"<Estimate: up to {self.credits:g} {unit} for {paid} of {len(self.steps)} steps{more}>"

    def _repr_html_(self) -> str:
        from html import escape

        table = self.steps.to_html(index=False, border=0, escape=True)
        return f"<div>{escape(repr(self)[1:-1])}</div>{table}"
