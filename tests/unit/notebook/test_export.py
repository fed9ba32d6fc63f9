"""``jupyter nbconvert --to builder_html``, run as people run it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter

import builder_jupyter as bj
from builder_jupyter.notebook.display import VIEW_MIME, workflow_mimebundle
from builder_jupyter.notebook.export import PRIORITY, STYLE, BuilderHTMLExporter, still

WORKFLOW = bj.Workflow.load(Path(__file__).parents[3] / "notebooks" / "data" / "support.workflow.json")


@pytest.fixture
def notebook() -> Any:
    """A notebook with a canvas, a run's table and a plain result, saved with the state of its widgets."""
    view = {"version_major": 2, "version_minor": 0, "model_id": "0" * 32}
    outputs = [
        {**workflow_mimebundle(WORKFLOW, statuses={"billing": "running"}), VIEW_MIME: view},
        {"text/plain": "PLAIN TABLE", "text/html": "<table><tr><td>HTML TABLE</td></tr></table>"},
        {"text/plain": "only text"},
    ]
    cells = [nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("display_data", data)]) for data in outputs]
    made = nbformat.v4.new_notebook(cells=cells)
    state = {"state": {"0" * 32: {"model_name": "CanvasModel"}}, "version_major": 2, "version_minor": 0}
    made.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    return made


def test_the_picture_is_shown_where_the_stock_exporter_shows_nothing(notebook: Any) -> None:
    page, _ = BuilderHTMLExporter().from_notebook_node(notebook)
    assert "<title>Customer Support Agent</title>" in page
    assert "Billing agent running." in page
    assert 'viewbox="' in page.lower()
    assert "HTML TABLE" in page
    assert "PLAIN TABLE" not in page
    assert "only text" in page
    assert "CanvasModel" not in page
    assert "widget-view" not in page
    assert STYLE.strip().splitlines()[0] in page
    stock, _ = HTMLExporter().from_notebook_node(notebook)
    assert "<title>Customer Support Agent</title>" not in stock


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_has_the_variables_that_the_picture_follows(notebook: Any, theme: str) -> None:
    page, _ = BuilderHTMLExporter(theme=theme).from_notebook_node(notebook)
    assert "var(--jp-layout-color1" in page
    assert "--jp-layout-color1:" in page


def test_settings_of_the_command_line_win(notebook: Any) -> None:
    from traitlets.config import Config

    config = Config({"NbConvertBase": {"display_data_priority": ["text/plain"]}})
    page, _ = BuilderHTMLExporter(config=config).from_notebook_node(notebook)
    assert "PLAIN TABLE" in page


def test_the_entry_point_and_the_command(notebook: Any, tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    value = text.partition('[project.entry-points."nbconvert.exporters"]\nbuilder_html = "')[2].partition('"')[0]
    assert EntryPoint("builder_html", value, "nbconvert.exporters").load() is BuilderHTMLExporter
    nbformat.write(notebook, tmp_path / "n.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", value.replace(":", "."), "n.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "<title>Customer Support Agent</title>" in (tmp_path / "n.html").read_text(encoding="utf-8")


def test_a_difference_keeps_its_words_and_pictures_of_others_stay_images() -> None:
    from builder_jupyter.graph.diff import diff_workflows
    from builder_jupyter.notebook.display import diff_mimebundle

    changed = WORKFLOW.edited([{"op": "set_data", "node_id": "draft", "field": "prompt", "value": "Other."}])
    data = still(diff_mimebundle(diff_workflows(WORKFLOW, changed, titles=("before", "now"))))
    assert "<svg" in data["text/html"]
    assert "<img" not in data["text/html"]
    assert "before → now" in data["text/html"]
    theirs = {"image/svg+xml": "<svg/>", "text/html": "<b>interactive</b>"}
    assert still(theirs) == theirs
    huge = workflow_mimebundle(WORKFLOW)
    del huge["text/html"]
    assert "<svg" in still(huge)["text/html"]


def test_live_views_are_not_among_what_is_shown() -> None:
    assert VIEW_MIME not in PRIORITY
    assert PRIORITY[0] == "image/svg+xml"
