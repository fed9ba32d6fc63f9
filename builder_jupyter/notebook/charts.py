"""Charts of costs: Vega-Lite, made with Altair, which JupyterLab and Notebook draw themselves, without a network.

A chart in an output is three things: the specification, drawn live with tooltips, also in a saved notebook that has no
kernel; a picture of it for pages that run nothing (GitHub, nbconvert); and the numbers as text. Why Altair:
docs/decisions.md.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from builder_jupyter.errors import NotConfigured

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

VEGA_LITE_MIME = "application/vnd.vegalite.v5+json"
"""What JupyterLab 4 draws by itself. Altair 6 writes version 6, of which no chart here uses anything that 5 lacks."""

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.6.1.json"
PICTURE_VERSION = "5.20"
WIDTH = 380
"""Pixels. Not the container's: a cell that is scrolled out of sight has none, and its chart would be none."""
COLORS = ("#3b82f6", "#f59e0b", "#10b981", "#a855f7", "#ef4444", "#14b8a6", "#8a8f98")
"""Of parts, the most first; the last is that of all the rest. They can be told apart on light and dark pages alike."""

INK = "#808894"
REST = "other"
NONE = "(none)"
FEW = 8
_MOST_BARS = 12
_TIMES = ("Month", "Day")


class Chart:
    """A chart of a dataframe, to be shown in a cell. ``altair`` is the chart itself, for who wants to go on with it."""

    def __init__(self, chart: alt.Chart | alt.LayerChart, frame: pd.DataFrame) -> None:
        self.altair = chart
        self._frame = frame

    def __repr__(self) -> str:
        return str(self._frame.to_string(index=False))

    def to_dict(self) -> dict[str, Any]:
        """Return the Vega-Lite specification."""
        return {**self.altair.to_dict(), "$schema": SCHEMA}

    def to_png(self) -> bytes:
        """Return a picture of it, on no ground."""
        import vl_convert

        return bytes(vl_convert.vegalite_to_png(self.to_dict(), vl_version=PICTURE_VERSION, scale=1.5))

    def _repr_mimebundle_(self, **_selection: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return it by MIME type, the picture always: without one JupyterLab makes its own, and draws without end."""
        picture = b64encode(self.to_png()).decode()
        return {"text/plain": repr(self), VEGA_LITE_MIME: self.to_dict(), "image/png": picture}, METADATA


METADATA = {VEGA_LITE_MIME: {"embed_options": {"actions": False, "renderer": "svg"}}}


def bars(frame: pd.DataFrame, label: str, amount: str, *, title: str) -> Chart:
    """Return horizontal bars, the longest first; what is beyond a dozen is one bar more. ``title`` says the unit."""
    alt = _altair()
    shown = _folded(frame, label, amount, _MOST_BARS)
    chart = (
        alt.Chart(shown[[label, amount]])
        .mark_bar(color=COLORS[0], cornerRadiusEnd=2)
        .encode(
            x=alt.X(f"{_field(amount)}:Q", title=title),
            y=alt.Y(f"{_field(label)}:N", title=None, sort=shown[label].tolist(), axis=alt.Axis(labelLimit=160)),
            tooltip=[
                alt.Tooltip(f"{_field(label)}:N"),
                alt.Tooltip(f"{_field(amount)}:Q", title=title, format=",.6~f"),
            ],
        )
        .properties(width=WIDTH, height={"step": 22})
    )
    return Chart(_dressed(chart), shown)


def columns(
    frame: pd.DataFrame, time: str, amount: str, *, title: str, part: str | None = None, limit: float | None = None
) -> Chart:
    """Return columns over time, each stacked of its parts, if ``part`` says which; the smaller parts are one.

    ``limit`` is a line across: a budget of each column.
    """
    alt = _altair()
    shown = frame if part is None else _few(frame, part, amount)
    is_few = frame[time].nunique() <= FEW
    look = {"color": COLORS[0], **({"size": 36} if is_few else {})}  # two months shall not be two walls
    encoding: dict[str, Any] = {
        "x": alt.X(f"{_field(time)}:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        "y": alt.Y(f"sum({_field(amount)}):Q", title=title),
        "tooltip": [
            alt.Tooltip(f"{_field(time)}:O"),
            alt.Tooltip(f"sum({_field(amount)}):Q", title=title, format=",.6~f"),
        ],
    }
    if part is not None:
        names = shown.groupby(part, sort=False)[amount].sum().sort_values(ascending=False).index.tolist()
        names = [*(name for name in names if name != REST), *([REST] if REST in names else [])]
        colors = [COLORS[-1] if name == REST else COLORS[at] for at, name in enumerate(names)]
        scale = alt.Scale(domain=names, range=colors)
        legend = alt.Legend(title=None, orient="bottom", columns=3, labelLimit=150)
        encoding["color"] = alt.Color(f"{_field(part)}:N", scale=scale, legend=legend)
        encoding["tooltip"].insert(1, alt.Tooltip(f"{_field(part)}:N"))
    chart: Any = alt.Chart(shown).mark_bar(**look).encode(**encoding)
    if limit is not None:
        line = alt.Chart(alt.Data(values=[{"limit": limit, "text": f"Budget {limit:,g}"}]))
        rule = line.mark_rule(color="#ef4444", strokeDash=[6, 4], size=2).encode(y="limit:Q")
        said = line.mark_text(color="#ef4444", align="left", baseline="middle", dx=4)
        chart = chart + rule + said.encode(y="limit:Q", x=alt.value("width"), text="text:N")
    return Chart(_dressed(chart.properties(width=WIDTH, height=240)), shown)


def chart_of(frame: pd.DataFrame) -> Chart:
    """Return the chart that an answer suggests: over time if its first column is one, else bars.

    The numbers are those of the first column of numbers; a second column of texts divides columns over time, and in
    bars all texts together are the name.

    Raises
    ------
    NotConfigured : ``NO_CHART``: there are no numbers to draw, or nothing beside them. ``NO_LIBRARY``.
    """
    numbers = [name for name in frame.columns if _is_number(frame[name])]
    labels = [name for name in frame.columns if name not in numbers]
    if not numbers or not labels:
        raise NotConfigured(
            "This answer cannot be drawn: a chart takes a column of names or times, and one of numbers.",
            code="NO_CHART",
        )
    amount, first = numbers[0], labels[0]
    told = frame.copy()
    for name in labels:
        told[name] = _words(told[name])
    told[amount] = told[amount].astype(float)
    if _is_time(frame[first]) or first in _TIMES:
        part = labels[1] if len(labels) > 1 else None
        return columns(told, first, amount, title=amount, part=part)
    if len(labels) > 1:
        told[first] = told[labels].agg(" · ".join, axis=1)
    return bars(told, first, amount, title=amount)


def _few(frame: pd.DataFrame, part: str, amount: str) -> pd.DataFrame:
    """Return the frame with all parts but the largest as one."""
    sums = frame.groupby(part)[amount].sum().sort_values(key=abs, ascending=False)
    room = len(COLORS) - 1
    small = set(sums.index[room:]) if len(sums) > room else set()
    told = frame.assign(**{part: frame[part].map(lambda name: REST if name in small else name)})
    keys = [name for name in told.columns if name != amount and not _is_number(told[name])]
    return told.groupby(keys, sort=False)[amount].sum().reset_index()


def _folded(frame: pd.DataFrame, label: str, amount: str, most: int) -> pd.DataFrame:
    import pandas as pd

    if len(frame) <= most + 1:
        return frame
    ordered = frame.sort_values(amount, key=abs, ascending=False, kind="stable")
    rest = pd.DataFrame({label: [f"{len(frame) - most} {REST}"], amount: [ordered[amount].iloc[most:].sum()]})
    return pd.concat([ordered[[label, amount]].head(most), rest], ignore_index=True)


def _words(values: pd.Series[Any]) -> pd.Series[Any]:
    if _is_time(values):
        has_hours = (values.dropna().dt.normalize() != values.dropna()).any()
        is_months = (values.dropna().dt.day == 1).all() and not has_hours
        form = "%Y-%m-%d %H:%M" if has_hours else "%Y-%m" if is_months else "%Y-%m-%d"
        return values.map(lambda moment: moment.strftime(form))
    return values.astype("string").fillna(NONE).astype(object)


def _is_time(values: pd.Series[Any]) -> bool:
    return values.dtype.kind == "M"


def _is_number(values: pd.Series[Any]) -> bool:
    return values.dtype.kind in "iuf"


def _field(name: str) -> str:
    """Return the name of a field in Vega's notation, where dots and brackets mean more."""
    escaped = name
    for character in ".[]:":
        escaped = escaped.replace(character, f"\\{character}")
    return escaped


def _dressed(chart: Any) -> Any:
    """Return the chart without a ground of its own, in inks that are legible on light and on dark pages."""
    axis = {"labelColor": INK, "titleColor": INK, "domainColor": INK, "tickColor": INK, "gridColor": INK}
    return (
        chart.configure(background="transparent", font="system-ui, sans-serif")
        .configure_axis(**axis, gridOpacity=0.25, domainOpacity=0.6, titleFontWeight="normal")
        .configure_legend(labelColor=INK, titleColor=INK)
        .configure_view(stroke=None)
    )


def _altair() -> Any:
    try:
        import altair as alt
        import vl_convert  # noqa: F401 - pictures need it, and charts without pictures are lost in a saved notebook
    except ImportError as error:
        raise NotConfigured(
            f"There are no charts here: the package {error.name} is not installed.",
            code="NO_LIBRARY",
            hint="Run: pip install 'builder_jupyter[charts]'",
        ) from error
    return alt
