"""A workflow as a picture to take away: SVG, PNG, Mermaid."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from builder_jupyter.drawing.mermaid import workflow_mermaid
from builder_jupyter.drawing.svg import PALETTES, draw, looks_of
from builder_jupyter.errors import InvalidInput, NotConfigured, TooLarge
from builder_jupyter.nodes.registry import default_registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from builder_jupyter.graph.model import Workflow

MAX_PIXELS = 100_000_000
"""Of a PNG; a picture takes four bytes of memory for each."""

_STYLE = re.compile(r"<style>.*?</style>", re.DOTALL)
_MEDIA = re.compile(r"@media[^{]*\{[^{}]*\{[^{}]*\}\s*\}")
_VARIABLE = re.compile(r"var\(--(?P<name>[\w-]+)(?:,(?P<otherwise>[^()]*))?\)")


def to_svg(workflow: Workflow, *, statuses: Mapping[str, str] | None = None) -> str:
    """Return a workflow as an SVG text that follows the theme of the page it stands on.

    ``statuses`` by node id are drawn too: ``{"billing": "completed"}``.
    """
    return draw(workflow, looks=looks_of(default_registry(), workflow.profile), statuses=statuses).svg


def to_mermaid(workflow: Workflow, *, statuses: Mapping[str, str] | None = None) -> str:
    """Return a workflow as a Mermaid flowchart, for READMEs and Markdown cells."""
    return workflow_mermaid(workflow, looks=looks_of(default_registry(), workflow.profile), statuses=statuses)


def to_png(
    workflow: Workflow, *, statuses: Mapping[str, str] | None = None, scale: float = 2.0, theme: str = "light"
) -> bytes:
    """Return a workflow as a PNG without a ground, drawn with the fonts of this machine.

    Parameters
    ----------
    scale : pixels of the PNG for one of the picture's.
    theme : ``light`` or ``dark``: what it is to be put on.

    Raises
    ------
    NotConfigured : ``NO_PNG``: the package that draws is not installed.
    InvalidInput : ``UNKNOWN_THEME``, ``INVALID_SCALE``.
    TooLarge : more than `MAX_PIXELS`.
    """
    if theme not in PALETTES:
        raise InvalidInput(f"There is no theme {theme!r}.", code="UNKNOWN_THEME", hint="Known: light, dark.")
    if not 0 < scale <= 16:
        raise InvalidInput("The scale is a number above 0, at most 16.", code="INVALID_SCALE")
    try:
        import resvg_py
    except ImportError as error:
        raise NotConfigured(
            "Nothing here can draw a PNG: the package resvg-py is not installed.",
            code="NO_PNG",
            hint="Run: pip install 'builder_jupyter[png]'; to_svg() needs nothing.",
        ) from error
    drawing = draw(workflow, looks=looks_of(default_registry(), workflow.profile), statuses=statuses)
    if drawing.width * drawing.height * scale * scale > MAX_PIXELS:
        raise TooLarge(
            f"A PNG has at most {MAX_PIXELS:,} pixels; this one would have more.", hint="Choose a smaller scale."
        )
    still = _STYLE.sub(lambda found: _settled(found[0], PALETTES[theme]), drawing.svg)
    return bytes(resvg_py.svg_to_bytes(svg_string=still, zoom=scale))


def _settled(style: str, colors: Mapping[str, str]) -> str:
    """Return a style sheet without variables: what draws PNGs knows none, nor a page whose theme they could have."""
    style = _MEDIA.sub("", style)
    while (settled := _VARIABLE.sub(lambda v: colors.get(v["name"], v["otherwise"] or ""), style)) != style:
        style = settled
    return style
