"""One story from an empty canvas to a file that is edited without a kernel, by mouse and keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conftest import start, wait_for_state
from gestures import IDS, PAIRS, PLACES, STAGE, data, drag, draw_edge, drawn, field, middle, until
from harness import (
    Jupyter,
    Kernel,
    ask,
    click_node,
    open_file,
    place,
    save_file,
    shows,
    wait_for_canvas,
    wait_for_editor,
)
from playwright.sync_api import expect

from builder_jupyter.graph.model import Workflow

Show = Callable[..., Any]
EMPTY = "import builder_jupyter as bj\ncanvas = bj.Canvas(bj.Workflow('Support desk', [], []))\ncanvas"
TRAIL = (
    "trail = [canvas.workflow]\n"
    "content = lambda wf: [wf.to_dict()['nodes'], wf.to_dict()['edges']]\n"
    "canvas.observe(lambda _: content(trail[-1]) == content(canvas.workflow) or trail.append(canvas.workflow), 'doc')"
)
PROMPTS = {
    "agent": "You settle invoices. Be brief.",
    "agent_2": "You help with technical trouble. Suggest one thing to try.",
}
NAMES = {"agent": "Billing", "agent_2": "Technical", "human": "Approval"}
BRANCHES = [["router", "agent"], ["router", "agent_2"], ["agent", "human"], ["agent_2", "human"]]
UNDO = ".jp-bj-tools [aria-label^=Undo]"


def test_from_an_empty_canvas_to_a_file(server: Jupyter, show: Show) -> None:
    page = show_empty(server, show)
    kernel = Kernel(server)
    kernel.run(TRAIL)
    build(page, kernel)
    fill_in(page, kernel)
    run_and_answer(page, kernel)
    cancel_one(page, kernel)
    replay_another(page, kernel)
    undo_and_redo(page, kernel)
    copy_a_branch(page, kernel)
    rename(page, kernel)
    see_it_twice(page, kernel)
    type_into_last_cell(page, "canvas.workflow.save('desk.workflow.json')")
    until(page, kernel, "__import__('pathlib').Path('desk.workflow.json').exists()", True)
    expected = kernel.value("canvas.workflow.to_dict()")
    page.keyboard.press("Control+s")
    assert page.problems == []
    end_kernels(server)
    (edit_the_file if server.app == "lab" else edit_on_the_builders_page)(page, server, expected)
    assert kernels(server) == []
    assert page.problems == []


def show_empty(server: Jupyter, show: Show) -> Any:
    """Open a notebook with an empty canvas and an empty cell."""
    page = show(server, EMPTY, "", canvases=0)
    page.wait_for_selector(".jp-bj-rail [data-type=start]")
    wait_for_canvas(page, 0)
    return page


def build(page: Any, kernel: Kernel) -> None:
    """Drag, click and draw the graph together."""
    page.drag_and_drop(".jp-bj-rail [data-type=start]", STAGE, target_position={"x": 90, "y": 200})
    drawn(page, nodes=1)
    page.focus(STAGE)
    page.keyboard.press("0")  # all of it, in the middle: there is room now
    click_node(page, "start")
    page.click(".jp-bj-rail [data-type=router]")
    drawn(page, nodes=2, edges=1)
    page.click(".jp-bj-rail [data-type=agent]")
    drawn(page, nodes=3, edges=2)
    click_node(page, "router")
    page.click(".jp-bj-rail [data-type=agent]")
    drawn(page, nodes=4, edges=3)
    click_node(page, "agent")
    page.click(".jp-bj-rail [data-type=human]")
    drawn(page, nodes=5, edges=4)
    page.click(".jp-bj-rail [data-type=end]")
    drawn(page, nodes=6, edges=5)
    page.focus(STAGE)
    page.keyboard.press("0")
    drawn(page)
    draw_edge(page, "agent_2", "human")
    drawn(page, nodes=6, edges=6)
    x, y = place(page, "human")
    drag(page, (x, y), (x + 8, y + 20))
    page.wait_for_selector(f"{UNDO}[title*='Move']")
    assert kernel.value(IDS) == ["start", "router", "agent", "agent_2", "human", "end"]
    assert sorted(kernel.value(PAIRS)) == sorted([["start", "router"], *BRANCHES, ["human", "end"]])


def fill_in(page: Any, kernel: Kernel) -> None:
    """Write into the inspector what the nodes do, and the words on the ways out of the router."""
    for node, prompt in PROMPTS.items():
        click_node(page, node)
        page.click(field("prompt"))
        page.keyboard.type(prompt)
        page.keyboard.press("Tab")
        until(page, kernel, data(node) + ".get('prompt')", prompt)
    click_node(page, "router")
    for label, pattern in (("money", "invoice|refund"), ("trouble", ".*")):
        page.click(".jp-bj-nodeform [data-field='conditions'] .jp-bj-more")
        page.keyboard.type(label)
        page.keyboard.press("Tab")
        page.keyboard.type(pattern)
        page.keyboard.press("Enter")
        until(page, kernel, data("router") + ".get('conditions', [None])[-1]", {"label": label, "pattern": pattern})
    for target, label in (("agent", "money"), ("agent_2", "trouble")):
        page.mouse.dblclick(*middle(page, "router", target))
        page.keyboard.press("Control+a")
        page.keyboard.type(label)
        page.keyboard.press("Enter")
        until(page, kernel, f"[e.label for e in canvas.workflow.edges if e.target == {target!r}]", [label])
    click_node(page, "human")
    page.click(field("prompt"))
    page.keyboard.type("May this be sent?")
    page.keyboard.press("Tab")
    until(page, kernel, data("human") + ".get('prompt')", "May this be sent?")
    for node, name in NAMES.items():
        click_node(page, node)
        page.fill(f".jp-bj-single {field('name')}", name)
        page.keyboard.press("Enter")
        page.wait_for_function("([id, name]) => CANVAS().graph.node(id).data('label') === name", arg=[node, name])
    page.click(".jp-bj-tools [aria-label=Arrange]")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{UNDO}[title*='Arrange']")
    page.focus(STAGE)
    page.keyboard.press("0")
    drawn(page)


def run_and_answer(page: Any, kernel: Kernel) -> None:
    """Run, watch the words come, and answer the person's question where it is asked."""
    start_over(page, "There is a mistake in my invoice")
    page.wait_for_function("() => STATUS('agent') === 'streaming'")
    click_node(page, "agent")
    page.wait_for_selector(".jp-bj-details .jp-mod-growing .jp-bj-text")
    first = len(page.inner_text(".jp-mod-growing .jp-bj-text"))
    page.wait_for_function(
        "n => document.querySelector('.jp-bj-details .jp-bj-text').textContent.length > n", arg=first
    )
    answer(page, "It may, thank you.")
    wait_for_state(page, "completed")
    shows(page, "STATUS('agent_2')", "skipped")
    until(page, kernel, "canvas.execution.status", "completed")
    assert kernel.value("canvas.execution['human'].text") == "It may, thank you."


def cancel_one(page: Any, kernel: Kernel) -> None:
    """Begin a run without end and stop it."""
    start_over(page, "Explain my invoice forever")
    page.wait_for_function("() => STATUS('agent') === 'streaming'")
    page.click(".jp-bj-cancel")
    wait_for_state(page, "cancelled")
    until(page, kernel, "canvas.execution.status", "cancelled")


def replay_another(page: Any, kernel: Kernel) -> None:
    """Have a run fail in the middle, and go on from there."""
    start_over(page, "An outage, and an invoice")
    wait_for_state(page, "error")
    first = page.evaluate("() => CANVAS().controller.run.id")
    expect(page.locator(".jp-bj-overview .jp-bj-problem:not([hidden])")).to_contain_text("quota used up")
    click_node(page, "agent")
    page.click(".jp-bj-replay")
    page.wait_for_function("id => CANVAS().controller.run.id !== id", arg=first)
    answer(page, "Now it may.")
    wait_for_state(page, "completed")
    until(page, kernel, "canvas.execution.snapshot['replayOf']", first)
    reused = {step["stepId"]: step["reused"] for step in kernel.value("canvas.execution.snapshot['steps']")}
    assert (reused["start"], reused["router"], reused["agent"]) == (True, True, False)


def undo_and_redo(page: Any, kernel: Kernel) -> None:
    """Go twenty steps back and forward; each step back is what the graph was by then."""
    assert kernel.value("len(trail)") > 20
    kernel.run("story = [content(one) for one in trail]")
    page.focus(STAGE)
    for _ in range(20):
        page.keyboard.press("Control+z")
    until(page, kernel, "content(canvas.workflow) == story[-21]", True)
    drawn(page, nodes=kernel.value("len(canvas.workflow.nodes)"), edges=kernel.value("len(canvas.workflow.edges)"))
    for _ in range(20):
        page.keyboard.press("Control+Shift+Z")
    until(page, kernel, "content(canvas.workflow) == story[-1]", True)
    drawn(page, nodes=6, edges=6)
    page.wait_for_selector(".jp-bj-tools [title='Nothing to redo']")


def copy_a_branch(page: Any, kernel: Kernel) -> None:
    """Copy an agent and the person behind it."""
    page.keyboard.press("Escape")
    click_node(page, "agent_2")
    page.keyboard.down("Shift")
    click_node(page, "human")
    page.keyboard.up("Shift")
    page.keyboard.press("Control+c")
    x, y = place(page, "agent_2")
    page.mouse.move(x + 30, y + 90 * page.evaluate("() => CANVAS().graph.core.zoom()"))
    page.keyboard.press("Control+v")
    drawn(page, nodes=8, edges=7)
    assert kernel.value(IDS)[-2:] == ["agent_3", "human_2"]
    assert kernel.value(PAIRS)[-1] == ["agent_3", "human_2"]
    assert kernel.value(data("agent_3") + "['prompt']") == PROMPTS["agent_2"]


def rename(page: Any, kernel: Kernel) -> None:
    """Give the copy another name and another id in the inspector."""
    page.keyboard.press("Escape")
    page.focus(STAGE)
    page.keyboard.press("0")
    drawn(page)
    click_node(page, "agent_3")
    page.fill(field(" id"), "letters")
    page.keyboard.press("Enter")
    page.wait_for_function("() => CANVAS().graph.selected === 'letters'")
    page.fill(f".jp-bj-single {field('name')}", "Letters")
    page.keyboard.press("Enter")
    until(page, kernel, data("letters") + ".get('name')", "Letters")
    assert kernel.value(PAIRS)[-1] == ["letters", "human_2"]


def see_it_twice(page: Any, kernel: Kernel) -> None:
    """Show the canvas in a second cell; what is done to one is seen in the other."""
    type_into_last_cell(page, "canvas")
    wait_for_canvas(page, 2)
    page.wait_for_function("() => CANVAS(1).editor")
    labels = "CANVAS(%d).graph.core.nodes().map(n => [n.id(), n.data('label')]).sort()"
    shows(page, labels % 1, page.evaluate(labels % 0))
    page.locator(STAGE).nth(1).scroll_into_view_if_needed()
    page.locator(STAGE).nth(1).focus()
    page.keyboard.press("0")
    before = kernel.value(PLACES)["letters"]
    x, y = place(page, "letters", 1)
    drag(page, (x, y), (x + 10, y + 30))
    until(page, kernel, f"({PLACES})['letters'] != {before}", True)
    page.wait_for_function(
        "() => { const at = i => CANVAS(i).graph.node('letters').position();"
        " return Math.hypot(at(0).x - at(1).x, at(0).y - at(1).y) < 1; }"
    )


def edit_the_file(page: Any, server: Jupyter, expected: Any) -> None:
    """Open the file in JupyterLab, add a node, save it, and read it with Python."""
    open_file(page, server, "desk.workflow.json")
    add_without_a_kernel(page)
    save_file(page)
    compare(Workflow.load(server.root / "desk.workflow.json").to_dict(), expected)


def edit_on_the_builders_page(page: Any, server: Jupyter, expected: Any) -> None:
    """Import the file on the page that serves those without JupyterLab, add a node, and save it on the server."""
    page.goto(f"{server.url}/builder")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import a file").click()
    chooser.value.set_files(server.root / "desk.workflow.json")
    wait_for_editor(page)
    add_without_a_kernel(page)
    page.keyboard.press("Control+s")
    page.get_by_role("button", name="Save as a draft").click()
    page.wait_for_function("() => location.hash.startsWith('#wf_')")
    stored = ask(server, "GET", f"builder/workflows/{page.evaluate('() => location.hash.slice(1)')}")
    compare(stored, expected)


def add_without_a_kernel(page: Any) -> None:
    """Put an end behind the copied branch, take it back, and put it there again."""
    page.focus(STAGE)
    page.keyboard.press("0")
    drawn(page, nodes=8, edges=7)
    click_node(page, "human_2")
    page.click(".jp-bj-rail [data-type=end]")
    drawn(page, nodes=9, edges=8)
    page.focus(STAGE)
    page.keyboard.press("Control+z")
    drawn(page, nodes=8, edges=7)
    page.keyboard.press("Control+Shift+Z")
    drawn(page, nodes=9, edges=8)


def compare(changed: Any, expected: Any) -> None:
    """Nothing but the one node and edge has come."""
    assert changed["nodes"][:-1] == expected["nodes"]
    assert changed["edges"][:-1] == expected["edges"]
    assert (changed["nodes"][-1]["type"], changed["edges"][-1]["source"]) == ("end", "human_2")


def start_over(page: Any, message: str) -> None:
    """Leave the node that is looked at, write a message and press Run."""
    page.focus(STAGE)
    page.keyboard.press("Escape")
    start(page, message)


def answer(page: Any, text: str) -> None:
    """Answer the person's step when it asks."""
    page.wait_for_function("() => STATUS('human') === 'waiting'")
    click_node(page, "human")
    page.wait_for_selector(".jp-bj-question:has-text('May this be sent?')")
    page.locator(".jp-bj-answer").get_by_label("Answer", exact=True).fill(text)
    page.click(".jp-bj-answer .jp-bj-send")


def type_into_last_cell(page: Any, code: str) -> None:
    """Type into the notebook's last cell and run it."""
    editor = page.locator(".jp-Notebook .jp-CodeCell .cm-content").last
    editor.scroll_into_view_if_needed()
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.type(code)
    page.keyboard.press("Control+Enter")


def kernels(server: Jupyter) -> Any:
    """Return the kernels that run on the server."""
    return ask(server, "GET", "kernels")


def end_kernels(server: Jupyter) -> None:
    """End all kernels: what comes next needs none."""
    for session in ask(server, "GET", "sessions"):
        ask(server, "DELETE", f"sessions/{session['id']}")
