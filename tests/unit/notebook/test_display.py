from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest
from shell_kit import new_shell

from builder_jupyter.drawing.lettering import escape
from builder_jupyter.drawing.svg import status_color
from builder_jupyter.graph.diff import diff_workflows
from builder_jupyter.graph.model import Edge, Node, Workflow
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.notebook import display

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = Workflow('a"><script>', (Node("a", "agent"), Node("b", "end")), (Edge("a", "b"),))


@pytest.fixture(autouse=True)
def _few_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "default_registry", Registry)
    monkeypatch.setattr(Workflow, "to_dict", lambda self: {"name": self.name})


def test_ipython_shows_a_workflow_as_picture_text_and_json() -> None:
    shell = new_shell()
    display.register(shell)
    display.register(shell)
    bundle, _metadata = shell.display_formatter.format(HOSTILE)
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml", display.WORKFLOW_MIME}
    assert bundle["text/plain"] == repr(HOSTILE)
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle[display.WORKFLOW_MIME] == {"name": HOSTILE.name}


def test_the_html_is_one_image_with_words_for_those_who_cannot_see_it() -> None:
    html: Any = display.workflow_mimebundle(HOSTILE)["text/html"]
    assert 'alt="a&quot;&gt;&lt;script&gt;. Edges: a to b."' in html
    assert html.count("<") == 3


CHANGED = Workflow(
    'a"><script>', (Node("a", "agent", {"prompt": "</div><b>new"}), Node("c", "end")), (Edge("a", "c", label="<i>"),)
)


def test_ipython_shows_a_difference_as_coloured_picture_and_text() -> None:
    shell = new_shell()
    display.register(shell)
    diff = diff_workflows(HOSTILE, CHANGED, titles=("version 1", "now"))
    bundle, _metadata = shell.display_formatter.format(diff)
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml"}
    assert bundle["text/plain"] == str(diff)
    svg = ET.fromstring(bundle["image/svg+xml"])
    words = {title.text for title in svg.iter(f"{SVG}title")}
    assert {"a (agent · changed)", "b (end · removed)", "c (end · added)"} <= words
    strokes = [path.get("style", "") for path in svg.iter(f"{SVG}path") if path.get("class") == "edge"]
    green, red = status_color("added"), status_color("removed")
    assert sorted(color for color in (green, red) for style in strokes if f"stroke:{color}" in style) == sorted(
        [green, red]
    )
    html = bundle["text/html"]
    for line in diff.lines:
        assert escape(line) in html
    assert f'style="color:{green}">+ node c' in html
    assert "<script" not in html
    assert "<b>new" not in html


def test_equal_workflows_are_said_to_be_so() -> None:
    bundle = display.diff_mimebundle(diff_workflows(HOSTILE, HOSTILE))
    assert "nothing differs" in bundle["text/html"]
    assert "nothing differs" in bundle["text/plain"]
    assert "stroke-width:2.4" not in bundle["image/svg+xml"]
