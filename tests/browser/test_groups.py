"""Groups, sockets and saved versions in a real JupyterLab and on the builder's own page, by mouse and keyboard."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import SUPPORT
from gestures import PLACES, drag, drawn, middle, until
from harness import Jupyter, Kernel, ask, place, wait_for_canvas
from playwright.sync_api import expect

GROUPS = "[[one['title'], list(one['nodes'])] for one in canvas.workflow.metadata.get('groups', ())]"
PORTS = """
import builder_jupyter as bj
prompts = [{"clientId": one, "type": "prompt", "position": {"x": 0, "y": y}} for one, y in (("p", 0), ("q", 160))]
write = {"clientId": "t", "type": "text-gen", "position": {"x": 420, "y": 80}}
canvas = bj.Canvas(bj.Workflow.from_dict({"dialect": "direct", "name": "ports", "nodes": [*prompts, write],
                                          "edges": [{"source": "p", "target": "t"}]}))
canvas"""
ROUTES = """
import builder_jupyter as bj
conditions = [{"label": "billing", "pattern": "bill"}, {"label": "tech", "pattern": "tech"}]
nodes = [{"id": "start", "type": "start", "position": {"x": 0, "y": 0}},
         {"id": "r", "type": "router", "data": {"conditions": conditions}, "position": {"x": 300, "y": 0}},
         {"id": "a", "type": "agent", "position": {"x": 640, "y": 0}}]
canvas = bj.Canvas(bj.Workflow.from_dict({"name": "routes", "nodes": nodes,
                                          "edges": [{"source": "start", "target": "r"}]}))
canvas"""
EDGES = "[[one.source, one.source_port or one.label, one.target, one.target_port] for one in canvas.workflow.edges]"

VEILED = """(() => { const map = document.querySelector('.jp-bj-map'); let found = 0;
  const { data } = map.getContext('2d').getImageData(0, 0, map.width, map.height);
  for (let i = 3; i < data.length; i += 4) found += Math.abs(data[i] - 36) < 4; return found; })()"""


@pytest.fixture
def open_editor(lab: Jupyter, show: Any) -> Any:
    """Return a function that shows a cell's canvas and waits for its editor."""

    def open_it(cell: str) -> tuple[Any, Kernel]:
        page = show(lab, cell, "'the other cell'")
        page.wait_for_selector(".jp-bj-rail button[data-type]")
        return page, Kernel(lab)

    return open_it


def choose(page: Any, *ids: str) -> None:
    """Select nodes by clicking, the later ones with Shift."""
    for i, node_id in enumerate(ids):
        if i:
            page.keyboard.down("Shift")
        page.mouse.click(*place(page, node_id))
        page.keyboard.up("Shift")
    page.wait_for_function("count => CANVAS().graph.selectedNodes.length === count", arg=len(ids))


def wait_for_groups(page: Any, *titles: str) -> None:
    page.wait_for_function(
        "titles => JSON.stringify(CANVAS().groups.groups.map(one => one.title)) === titles",
        arg=json.dumps(titles, separators=(",", ":")),
    )


def socket(page: Any, node_id: str, name: str) -> tuple[float, float]:
    """Move to a node and return where one of its ways out shows its dot."""
    x, y = place(page, node_id)
    page.mouse.move(x - 4, y)
    page.mouse.move(x, y)
    box = page.locator(f".jp-bj-dot[data-socket='{name}']").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_nodes_are_grouped_moved_copied_and_ungrouped(open_editor: Any) -> None:
    page, kernel = open_editor(SUPPORT)
    page.click(".jp-bj-tools [aria-label=Map]")
    page.wait_for_selector(".jp-bj-map:visible")
    bare = page.evaluate(f"() => {VEILED}")
    choose(page, "billing", "technical", "general")
    page.keyboard.press("Control+g")
    page.wait_for_selector(".jp-bj-textbox")
    page.keyboard.type("Specialists")
    page.keyboard.press("Enter")
    wait_for_groups(page, "Specialists")
    until(page, kernel, GROUPS, [["Specialists", ["billing", "technical", "general"]]])
    page.wait_for_function(f"bare => {VEILED} > bare + 200", arg=bare)  # the map shows it as well
    expect(page.locator(".jp-bj-stepgroup .jp-bj-members .jp-bj-step")).to_have_count(3)
    assert page.locator(".jp-DocumentSearch, .jp-DocumentSearch-overlay").count() == 0, "no shortcut of the notebook's"
    page.keyboard.press("Escape")

    # Taken by its title, all of it moves: one step.
    box = page.locator(".jp-bj-group-title").bounding_box()
    before = kernel.value(PLACES)
    drag(page, (box["x"] + 20, box["y"] + 8), (box["x"] + 20, box["y"] + 68))
    page.wait_for_function("() => CANVAS().editor.edits.doc.undoes === 'Move 3 nodes'")
    after = kernel.value(PLACES)
    moved = [after[one][1] - before[one][1] for one in ("billing", "technical", "general")]
    assert min(moved) > 40
    assert max(moved) - min(moved) <= 1
    assert after["router"] == before["router"]

    page.keyboard.press("Control+d")
    wait_for_groups(page, "Specialists", "Specialists")
    until(page, kernel, f"({GROUPS})[1]", ["Specialists", ["billing_2", "technical_2", "general_2"]])
    page.keyboard.press("Delete")
    wait_for_groups(page, "Specialists")

    # From the list of steps, by keyboard alone: select, rename, ungroup.
    page.locator(".jp-bj-grouped").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("F2")
    page.wait_for_selector(".jp-bj-textbox")
    page.keyboard.type("Experts")
    page.keyboard.press("Enter")
    wait_for_groups(page, "Experts")
    page.keyboard.press("Control+Shift+g")
    wait_for_groups(page)
    until(page, kernel, GROUPS, [])
    for titles in (["Experts"], ["Specialists"]):
        page.keyboard.press("Control+z")
        wait_for_groups(page, *titles)
    assert page.problems == []


def test_edges_are_drawn_from_the_socket_of_a_route(open_editor: Any) -> None:
    page, kernel = open_editor(ROUTES)
    drag(page, socket(page, "r", "tech"), place(page, "a"))
    page.wait_for_function("() => CANVAS().graph.edge(['r', 'a']).data('from') > 0 && CANVAS().doc.edges.length === 2")
    drag(page, socket(page, "r", "billing"), place(page, "a"))
    drawn(page, edges=3)
    assert kernel.value(EDGES)[1:] == [["r", "tech", "a", None], ["r", "billing", "a", None]]
    drag(page, socket(page, "r", "tech"), place(page, "a"))
    page.wait_for_function("() => document.querySelector('.jp-bj-notice')?.textContent.includes('“tech” of r')")

    # The names are gone with the pointer, which leaves the graph at once; the dots of what is selected stay.
    named = page.locator(".jp-bj-dot:not(.jp-mod-bare)")
    page.mouse.move(*place(page, "r"))
    expect(named).to_have_count(2)
    page.mouse.move(5, 5)
    expect(named).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(".jp-bj-dot")).to_have_count(0)

    # One of the two is taken away, not both.
    page.mouse.click(*middle(page, "r", "a", ["billing", None]))
    page.keyboard.press("Delete")
    drawn(page, edges=2)
    assert kernel.value(EDGES)[1:] == [["r", "tech", "a", None]]
    assert page.problems == []


def test_typed_ports_are_joined_and_refusals_name_them(open_editor: Any) -> None:
    page, kernel = open_editor(PORTS)
    drag(page, socket(page, "q", "text-out"), place(page, "t"))
    page.wait_for_function("() => CANVAS().doc.edges.length === 2")
    joined = kernel.value(EDGES)[1]
    assert (joined[0], joined[1], joined[2]) == ("q", "text-out", "t")
    assert joined[3] in page.evaluate("() => CANVAS().doc.looks['text-gen'].inputs.map(one => one.name)")
    drag(page, socket(page, "q", "text-out"), place(page, "q"))
    assert len(kernel.value(EDGES)) == 2
    assert page.problems == []


def two_versions(lab: Jupyter, name: str) -> str:
    nodes = [{"id": "start", "type": "start"}, {"id": "a", "type": "agent", "data": {"prompt": "Old."}}]
    edges = [{"source": "start", "target": "a"}]
    body = {"name": name, "nodes": nodes, "edges": edges, "draft": True}
    saved: str = ask(lab, "POST", "builder/workflows", body)["id"]
    nodes[1] = {"id": "a", "type": "agent", "data": {"prompt": "New."}}
    ask(lab, "PUT", f"builder/workflows/{saved}", {**body, "nodes": nodes, "message": "Better prompt"})
    return saved


def look_into_versions(page: Any) -> None:
    page.locator(".jp-bj-properties > summary").click()
    first = page.locator(".jp-bj-version[data-version='2']")
    first.wait_for()
    first.get_by_role("button", name="What version 2 changed").click()
    page.wait_for_function("() => document.querySelector('.jp-bj-diff')?.textContent.includes('\"Old.\" -> \"New.\"')")
    page.locator(".jp-bj-version[data-version='1']").get_by_role("button", name="Restore version 1").click()


def test_versions_in_a_cell(lab: Jupyter, open_editor: Any) -> None:
    saved = two_versions(lab, "versions in a cell")
    page, kernel = open_editor(f"import builder_jupyter as bj\ncanvas = bj.Canvas({saved!r})\ncanvas")
    prompt = "canvas.workflow.node('a').data['prompt']"
    assert kernel.value(prompt) == "New."
    look_into_versions(page)
    page.wait_for_function("() => CANVAS().editor.edits.doc.undoes === 'Restore version 1'")
    assert kernel.value(prompt) == "Old."
    page.locator(".jp-bj-stage").focus()
    page.keyboard.press("Control+z")
    page.wait_for_function("() => CANVAS().editor.edits.doc.redoes === 'Restore version 1'")
    assert kernel.value(prompt) == "New."
    assert page.problems == []


def test_versions_on_the_page(page: Any, lab: Jupyter) -> None:
    saved = two_versions(lab, "versions on the page")
    page.goto(f"{lab.url}/builder#{saved}")
    wait_for_canvas(page)
    page.wait_for_selector(".jp-bj-rail button[data-type]")
    look_into_versions(page)
    page.wait_for_function("() => CANVAS().doc.document.nodes[1].data.prompt === 'Old.'")
    page.locator(".jp-bj-stage").focus()
    page.keyboard.press("Control+z")
    page.wait_for_function("() => CANVAS().doc.document.nodes[1].data.prompt === 'New.'")
    nodes = [{"id": "start", "type": "start"}, {"id": "end", "type": "end"}]
    runs = {"nodes": nodes, "edges": [{"source": "start", "target": "end"}], "draft": False}
    ask(lab, "PUT", f"builder/workflows/{saved}", runs)
    newest = page.locator(".jp-bj-version[data-version='3']")
    newest.get_by_role("button", name="Let the triggers run version 3").click()
    newest.get_by_text("Published", exact=True).wait_for()
    assert ask(lab, "GET", f"builder/workflows/{saved}")["metadata"]["deployed_version"] == 3
    newest.get_by_role("button", name="Let the triggers run the newest version again").click()
    newest.get_by_text("Published", exact=True).wait_for(state="detached")
    assert page.problems == []
