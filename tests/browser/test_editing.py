"""The editor in a real JupyterLab and a real Notebook, with mouse and keyboard; Python is read from the kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import SUPPORT
from gestures import IDS, PAIRS, PLACES, STAGE, drag, draw_edge, drawn, middle
from harness import Jupyter, Kernel, click_node, place, shows, wait_for_editor
from playwright.sync_api import expect

Show = Callable[..., Any]
EMPTY = (
    "import builder_jupyter as bj\n"
    "canvas = bj.Canvas(bj.Workflow.from_dict({'name': 'mine', 'nodes': [{'id': 'start', 'type': 'start'}],"
    " 'edges': []}))\ncanvas"
)
MANY = (
    "import builder_jupyter as bj\n"
    "nodes = [{'id': 'start', 'type': 'start'}, *({'id': f'a{i}', 'type': 'agent'} for i in range(998)),"
    " {'id': 'end', 'type': 'end'}]\n"
    "edges = [{'source': a['id'], 'target': b['id']} for a, b in zip(nodes, nodes[1:])]\n"
    "canvas = bj.Canvas(bj.Workflow.from_dict({'name': 'many', 'nodes': nodes, 'edges': edges}))\ncanvas"
)


@pytest.fixture
def open_editor(server: Jupyter, show: Show) -> Callable[[str], tuple[Any, Kernel]]:
    """Return a function that shows a cell's canvas and waits for its editor."""

    def open_it(cell: str) -> tuple[Any, Kernel]:
        page = show(server, cell, "'the other cell'")
        wait_for_editor(page)
        return page, Kernel(server)

    return open_it


def test_a_workflow_is_built_with_mouse_and_keyboard(open_editor: Callable[[str], tuple[Any, Kernel]]) -> None:
    page, kernel = open_editor(EMPTY)
    click_node(page, "start")
    page.click(".jp-bj-rail [data-type=agent]")
    drawn(page, nodes=2, edges=1)  # beside the selected one, and joined to it
    page.drag_and_drop(".jp-bj-rail [data-type=end]", STAGE, target_position={"x": 420, "y": 380})
    drawn(page, nodes=3, edges=1)
    draw_edge(page, "agent", "end")
    drawn(page, edges=2)
    assert kernel.value(IDS) == ["start", "agent", "end"]
    assert kernel.value(PAIRS) == [["start", "agent"], ["agent", "end"]]

    click_node(page, "start")
    page.keyboard.press("c")
    aimed = "CANVAS().graph.core.nodes('.aim, .barred').map(n => n.id())"
    shows(page, aimed, ["n:end"])  # to the agent it leads already
    page.keyboard.press("Enter")
    drawn(page, edges=3)
    assert kernel.value(PAIRS)[-1] == ["start", "end"]
    page.keyboard.press("c")
    shows(page, aimed, ["n:agent"])
    page.keyboard.press("ArrowDown")
    shows(page, aimed, ["n:end"])
    page.keyboard.press("Enter")
    expect(page.locator(".jp-bj-notice")).to_have_text("start leads to end already.")
    assert len(kernel.value(PAIRS)) == 3
    assert page.problems == []


def test_what_cannot_be_is_refused_and_says_why(open_editor: Callable[[str], tuple[Any, Kernel]]) -> None:
    page, kernel = open_editor(SUPPORT)
    before = kernel.value(PAIRS)
    draw_edge(page, "billing", "start")
    expect(page.locator(".jp-bj-notice")).to_contain_text("into a start")
    page.focus(STAGE)
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.wait_for_function("() => CANVAS().graph.core.nodes().length === 1")
    expect(page.locator(".jp-bj-notice")).to_contain_text("start stays")
    assert kernel.value(IDS) == ["start"]
    page.keyboard.press("Control+z")
    drawn(page, nodes=9)
    assert kernel.value(PAIRS) == before
    assert page.problems == []


def test_moves_are_one_step_and_five_steps_go_back_and_forward(
    open_editor: Callable[[str], tuple[Any, Kernel]],
) -> None:
    page, kernel = open_editor(EMPTY)
    click_node(page, "start")
    page.click(".jp-bj-rail [data-type=agent]")
    drawn(page, nodes=2, edges=1)
    page.click(".jp-bj-rail [data-type=router]")
    drawn(page, nodes=3, edges=2)
    page.focus(STAGE)
    page.keyboard.press("Control+a")
    old = kernel.value(PLACES)
    x, y = place(page, "agent")
    drag(page, (x, y), (x + 60, y + 45))
    page.wait_for_function("() => document.querySelector('.jp-bj-tools [title^=\"Undo: Move 3 nodes\"]')")
    moved = kernel.value(PLACES)
    zoom = page.evaluate("() => CANVAS().graph.core.zoom()")
    for node_id, (left, top) in old.items():
        assert moved[node_id] == pytest.approx([left + 60 / zoom, top + 45 / zoom], abs=2)
    page.keyboard.press("Escape")
    click_node(page, "router")
    page.keyboard.press("F2")
    page.keyboard.type("Sorting")
    page.keyboard.press("Enter")
    page.wait_for_function("() => CANVAS().graph.node('router').data('label') === 'Sorting'")
    page.keyboard.press("Delete")
    drawn(page, nodes=2, edges=1)
    last = kernel.value("canvas.workflow.to_dict()")
    for _ in range(5):
        page.keyboard.press("Control+z")
    drawn(page, nodes=1, edges=0)
    assert kernel.value("[canvas.workflow.to_dict()['edges'], len(canvas.workflow.nodes)]") == [[], 1]
    for _ in range(4):
        page.keyboard.press("Control+Shift+Z")
    page.keyboard.press("Control+y")
    page.wait_for_function("() => document.querySelector('.jp-bj-tools [title=\"Nothing to redo\"]')")
    assert kernel.value("canvas.workflow.to_dict()") == last
    assert page.evaluate("() => nbw.content.model.cells.length") == 2  # no key has reached the notebook
    assert page.problems == []


def test_a_branch_is_copied_and_the_graph_arranged(open_editor: Callable[[str], tuple[Any, Kernel]]) -> None:
    page, kernel = open_editor(SUPPORT)
    size = len(kernel.value(PAIRS))
    before = kernel.value(IDS)
    pair = next(pair for pair in kernel.value(PAIRS) if "start" not in pair)
    click_node(page, pair[0])
    page.keyboard.down("Shift")
    click_node(page, pair[1])
    page.keyboard.up("Shift")
    page.keyboard.press("Control+c")
    page.mouse.move(*place(page, "start"))
    page.keyboard.press("Control+v")
    drawn(page, nodes=11)
    fresh = [node_id for node_id in kernel.value(IDS) if node_id not in before]
    assert kernel.value(PAIRS)[size:] == [fresh]
    shows(page, "[...CANVAS().graph.selectedNodes].sort()", sorted(fresh))
    page.keyboard.press("Control+x")
    drawn(page, nodes=9)
    assert kernel.value(IDS) == before
    page.click(".jp-bj-tools [aria-label=Arrange]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.jp-bj-tools [title^=\"Undo: Arrange\"]')")
    rows = kernel.value(PLACES)
    assert rows["start"][1] == min(y for _, y in rows.values())  # top to bottom


def test_menu_label_and_search_by_keyboard(open_editor: Callable[[str], tuple[Any, Kernel]]) -> None:
    page, kernel = open_editor(EMPTY)
    click_node(page, "start")
    page.click(".jp-bj-rail [data-type=agent]")
    drawn(page, nodes=2, edges=1)
    page.mouse.dblclick(*middle(page, "start", "agent"))
    page.keyboard.type("go on")
    page.keyboard.press("Enter")
    page.wait_for_function("() => CANVAS().graph.edge(['start', 'agent']).data('label') === 'go on'")
    assert kernel.value("canvas.workflow.edges[0].label") == "go on"
    page.mouse.click(*place(page, "agent"), button="right")
    page.wait_for_selector(".jp-bj-menu")
    page.keyboard.press("Escape")
    expect(page.locator(".jp-bj-menu")).to_have_count(0)
    page.keyboard.press("ContextMenu")
    page.keyboard.type("du")  # the letter goes to Duplicate
    page.keyboard.press("Enter")
    drawn(page, nodes=3)
    assert kernel.value(IDS) == ["start", "agent", "agent_2"]
    page.keyboard.press("Control+f")
    page.keyboard.type("sta")
    page.keyboard.press("Enter")
    page.wait_for_function("() => CANVAS().graph.selected === 'start'")
    assert page.problems == []


def test_a_thousand_nodes_can_be_edited(open_editor: Callable[[str], tuple[Any, Kernel]]) -> None:
    page, kernel = open_editor(MANY)
    expect(page.locator(".jp-bj-map")).to_be_visible()
    page.focus(STAGE)
    page.keyboard.press("Control+f")
    page.keyboard.type("a500")
    page.keyboard.press("Enter")
    page.wait_for_function("() => CANVAS().graph.selected === 'a500'")
    page.keyboard.press("Delete")
    drawn(page, nodes=999, edges=997)
    page.keyboard.press("Control+z")
    drawn(page, nodes=1000, edges=999)
    page.keyboard.press("Control+a")
    page.keyboard.press("Alt+ArrowRight")
    page.wait_for_function("() => document.querySelector('.jp-bj-tools [title^=\"Undo: Move 1000 nodes\"]')")
    assert len(kernel.value(PLACES)) == 1000
    assert page.problems == []


def test_a_box_selects_and_ctrl_s_saves(open_editor: Callable[[str], tuple[Any, Kernel]]) -> None:
    page, kernel = open_editor(EMPTY)
    click_node(page, "start")
    page.click(".jp-bj-rail [data-type=end]")
    drawn(page, nodes=2, edges=1)
    page.click(".jp-bj-rail [data-type=start]")
    page.wait_for_function("() => document.querySelector('.jp-bj-notice').textContent.includes('start already')")
    page.focus(STAGE)
    page.keyboard.press("Escape")
    box = page.locator(STAGE).bounding_box()
    page.keyboard.down("Shift")
    drag(page, (box["x"] + 4, box["y"] + 4), (box["x"] + box["width"] - 4, box["y"] + box["height"] - 4))
    page.keyboard.up("Shift")
    page.wait_for_function("() => CANVAS().graph.selectedNodes.length > 0")
    page.keyboard.press("Control+s")
    page.wait_for_function("() => document.querySelector('.jp-bj-notice').textContent === 'Saved.'")
    assert kernel.value("len(canvas.client.workflow('mine').nodes)") == 2
    assert page.problems == []
