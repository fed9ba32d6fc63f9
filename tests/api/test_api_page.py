"""The page of all routes says what the route table says."""

from __future__ import annotations

from pathlib import Path

from builder_jupyter.rest.app import HANDLERS
from builder_jupyter.rest.openapi import UNSAID, markdown

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_every_route_has_its_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("<!-- routes -->\n\n")[2].partition("\n\n<!-- end -->")[0]
    assert table == markdown(HANDLERS), "docs/api.md says by which command the table is made anew"


def test_what_every_route_may_answer_is_said_once() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("<!-- routes -->")[0]
    assert all(f"| {status} |" in text for status in UNSAID)
