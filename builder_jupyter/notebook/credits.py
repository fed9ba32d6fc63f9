"""The balance of credits as a cell shows it: a sentence, and a line of how it burnt down."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builder_jupyter.client.focus import FocusData
    from builder_jupyter.client.protocol import Wire

BARS = "▁▂▃▄▅▆▇█"
WIDTH, HEIGHT = 320, 56
DAYS = 30
"""Of how many days with postings the line is, at most."""


class CreditsView:
    """What is left, what the month may still cost, and how the balance went.

    Parameters
    ----------
    balance, budget : as `Client.credits` and `Client.budget` return them.
    charges : the workspace's charges, for the pace and the line.
    """

    def __init__(self, balance: Wire, budget: Wire, charges: FocusData) -> None:
        self.balance = float(balance["balance"])
        self._workspace = str(balance["workspaceId"])
        self._budget = budget
        left = charges.credits_left()
        pace = left.iloc[0] if len(left) else None
        self.credits_per_day = 0.0 if pace is None else float(pace["PerDay"])
        self.days_left = None if self.credits_per_day <= 0 else self.balance / self.credits_per_day
        self.history: Sequence[float] = _history(charges)

    def __repr__(self) -> str:
        line = _sparks(self.history)
        return "\n".join([self._sentence(), *([f"burn-down {line}"] if line else [])])

    def _repr_html_(self) -> str:
        return f"<div>{escape(self._sentence())}</div>{_picture(self.history)}"

    def _sentence(self) -> str:
        lasts = "nothing used lately"
        if self.days_left is not None:
            days = int(self.days_left)
            spent = f"{self.credits_per_day:.3g} a day over the last week"
            lasts = f"{spent}, lasting {days:,} day{'' if days == 1 else 's'}"
        parts = [f"{_credits(self.balance)} left in {self._workspace}", lasts]
        if self._budget["creditsPerMonth"] is not None:
            left, whole = self._budget["left"], self._budget["creditsPerMonth"]
            parts.append(f"{left:g} of this month's budget of {_credits(whole)} left")
        return ", ".join(parts)


def _history(charges: FocusData) -> list[float]:
    """Return the balance before the first of the days, and at the end of each."""
    days = charges.burn_down().tail(DAYS)
    if not len(days):
        return []
    first = days.iloc[0]
    return [float(first["Balance"] + first["Used"] - first["Added"]), *map(float, days["Balance"])]


def _credits(amount: float) -> str:
    return f"{amount:,g} credit{'' if amount == 1 else 's'}" if amount < 1e6 else f"{amount:,.0f} credits"


def _sparks(values: Sequence[float]) -> str:
    """Return a line of blocks, from nothing to the most."""
    most = max(values, default=0)
    if len(values) < 2 or most <= 0:
        return ""
    return "".join(BARS[min(len(BARS) - 1, max(0, int(value / most * len(BARS))))] for value in values)


def _picture(values: Sequence[float]) -> str:
    """Return the line as an image: inline SVG is taken out of notebooks that are not trusted."""
    most = max(values, default=0)
    if len(values) < 2 or most <= 0:
        return ""
    room, step = HEIGHT - 6, WIDTH / (len(values) - 1)
    points = [(at * step, 3 + room * (1 - max(0.0, value) / most)) for at, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<polygon points="0,{HEIGHT} {line} {WIDTH},{HEIGHT}" fill="#3b82f6" opacity=".18"/>'
        f'<polyline points="{line}" fill="none" stroke="#3b82f6" stroke-width="2"/></svg>'
    )
    source = b64encode(svg.encode()).decode()
    said = f"Balance over the last {len(values) - 1} days with postings, from {values[0]:g} to {values[-1]:g} credits"
    return f'<img alt="{said}" title="{said}" src="data:image/svg+xml;base64,{source}">'
