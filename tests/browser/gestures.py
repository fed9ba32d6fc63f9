"""What a person does to a canvas with mouse and keys, and what Python then says of it."""

from __future__ import annotations

from typing import Any

from harness import Kernel, place

STAGE = ".jp-bj-stage"
IDS = "[node.id for node in canvas.workflow.nodes]"
PAIRS = "[[edge.source, edge.target] for edge in canvas.workflow.edges]"
PLACES = "{node.id: [node.position.x, node.position.y] for node in canvas.workflow.nodes if node.position}"


def drawn(page: Any, *, nodes: int | None = None, edges: int | None = None) -> None:
    """Wait until what is on the page is confirmed and of this size, and all that was asked for is done."""
    page.wait_for_function(
        """([nodes, edges]) => { const { core } = CANVAS().graph;
          return (nodes === null || core.nodes().length === nodes) && (edges === null || core.edges().length === edges)
            && !core.edges('.unsure').length; }""",
        arg=[nodes, edges],
    )
    page.evaluate("() => CANVAS().editor.edits.last")  # a new node is selected, and shown, after it is drawn
    page.wait_for_function("() => STILL()")


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press the mouse, move it in steps and let go."""
    page.mouse.move(*start)
    page.mouse.down()
    for i in range(1, 11):
        page.mouse.move(start[0] + (end[0] - start[0]) * i / 10, start[1] + (end[1] - start[1]) * i / 10)
    page.mouse.up()


def drag_node(page: Any, node_id: str, dx: int, dy: int) -> None:
    """Move a node by a distance."""
    x, y = place(page, node_id)
    drag(page, (x, y), (x + dx, y + dy))


def draw_edge(page: Any, source: str, target: str) -> None:
    """Draw an edge from the dot that a node shows under the pointer."""
    x, y = place(page, source)
    page.mouse.move(x - 4, y)
    page.mouse.move(x, y)
    page.wait_for_function(
        """id => { const dot = document.querySelector('.jp-bj-dot'); if (!dot) return false;
          const { x } = dot.getBoundingClientRect(), node = AT(id), half = 90 * CANVAS().graph.core.zoom();
          return Math.abs(x + 11 - node.x - half) < 2; }""",
        arg=source,
    )
    box = page.locator(".jp-bj-dot").first.bounding_box()
    drag(page, (box["x"] + 11, box["y"] + 11), place(page, target))


def middle(page: Any, *edge: Any) -> tuple[float, float]:
    """Wait until nothing moves, and return where an edge's label is on the page."""
    page.wait_for_function("() => STILL()")
    at = page.evaluate(
        """edge => { const { core } = CANVAS().graph, { left, top } = core.container().getBoundingClientRect(),
          { x, y } = CANVAS().graph.edge(edge).renderedMidpoint(); return [left + x, top + y]; }""",
        edge,
    )
    return at[0], at[1]


def field(name: str) -> str:
    """Return the selector of a field's box."""
    return f".jp-bj-nodeform [data-field='{name}'] :is(input, textarea, select)"


def until(page: Any, kernel: Kernel, expression: str, wanted: Any) -> None:
    """Wait until an expression has a value in the kernel."""
    found: Any = None
    for _ in range(600):
        found = kernel.value(expression)
        if found == wanted:
            return
        page.wait_for_timeout(100)
    assert found == wanted


def data(node: str) -> str:
    """Return the expression of a node's data in the kernel."""
    return f"next(n for n in canvas.workflow.to_dict()['nodes'] if n['id'] == {node!r}).get('data', {{}})"
