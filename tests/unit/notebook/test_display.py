from __future__ import annotations

from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from builder_jupyter.graph.model import Edge, Node, Workflow
from builder_jupyter.nodes.registry import Registry
from builder_jupyter.notebook import display

HOSTILE = Workflow('a"><script>', (Node("a", "agent"), Node("b", "end")), (Edge("a", "b"),))


@pytest.fixture(autouse=True)
def _few_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "default_registry", Registry)
    monkeypatch.setattr(Workflow, "to_dict", lambda self: {"name": self.name})


def test_ipython_shows_a_workflow_as_picture_text_and_json() -> None:
    shell = InteractiveShell()
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
