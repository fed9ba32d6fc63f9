"""How fast the canvas draws, beside stock ipycytoscape in the same run. Run by hand; prints tables.

Needs what the browser tests need. Times are from the start of the cell (imports are in the one before) to the
painted frame, in a headless browser that paints in software; both clocks are the machine's. Targets: first paint
at 100, 1,000 and 5,000 nodes within 0.6, 1 and 2.5 s; one status at 1,000 nodes within 40 ms; at most 30 messages
a second; dragging at 1,000 nodes drops no intent.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.remove(str(Path(__file__).parent))  # http.py would hide the real one
sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

from conftest import CHROMIUM
from gestures import PLACES, drag
from harness import FLAGS, Jupyter, Kernel, jupyter, open_notebook, run_all, wait_for_canvas, write_notebook
from playwright.sync_api import TimeoutError as NotThere
from playwright.sync_api import sync_playwright

SIZES = (100, 1000, 5000)
STOCK_SIZES = (100, 1000)
ROUNDS = 7
UNLIMITED = (
    "--ZMQChannelsWebsocketConnection.iopub_msg_rate_limit=100000"  # stock ipycytoscape at 1,000 nodes exceeds it
)
SETTLED_SECONDS = 0.5

IMPORTS = "import time, ipycytoscape, builder_jupyter as bj; bj.Canvas"
WORKFLOW = """
BEGUN = time.time() * 1000
N = {n}
nodes = [bj.Node(f"n{{i}}", "agent", {{"name": f"Agent {{i}}", "prompt": "Work."}}) for i in range(N)]
wf = bj.Workflow("Large", nodes, [bj.Edge(f"n{{i // 3}}", f"n{{i}}") for i in range(1, N)])
"""
OURS = WORKFLOW + "canvas = bj.Canvas(wf)\ncanvas"
STOCK = """
BEGUN = time.time() * 1000
N = {n}
graph = ipycytoscape.CytoscapeWidget(cytoscape_layout={{"name": "grid"}})
graph.graph.add_nodes([ipycytoscape.Node(data={{"id": f"n{{i}}"}}) for i in range(N)])
graph.graph.add_edges([ipycytoscape.Edge(data={{"id": f"e{{i}}", "source": f"n{{i // 3}}", "target": f"n{{i}}"}})
                       for i in range(1, N)])
graph
"""
PAINTED = """() => new Promise(done => requestAnimationFrame(() => setTimeout(() =>
  done(performance.timeOrigin + performance.now()))))"""
WATCH = """core => { const now = () => performance.timeOrigin + performance.now(); window.SEEN = {};
  core.on('data class', 'node', () => { SEEN = { applied: now() }; });
  core.on('render', () => { if (SEEN.applied) SEEN.painted ??= now(); }); }"""
OUR_CORE = "CANVAS().graph.core"
STOCK_CORE = "[...document.querySelectorAll('.custom-widget')].map(e => e._cyreg?.cy).find(c => c?.edges().length)"
DELTAS = """
from builder_jupyter.notebook.widgets import follow
from builder_jupyter.client.connect import connect
import asyncio, contextlib
messages = []
canvas.observe(lambda change: messages.append(time.time()), "statuses")
class Stream:
    '''A transport whose one execution streams 10,000 pieces in about five seconds.'''
    def __init__(self): self.portal = connect("embedded").transport.portal
    picture = {"executionId": "e", "status": "running", "createdAt": 0, "startedAt": 0, "finishedAt": None,
               "error": None, "inputs": {}, "credits": {"charged": 0, "refunded": 0}, "steps": []}
    async def snapshot(self, _): return self.picture
    async def events(self, _id, after=0):
        text = ""
        for i in range(10_000):
            piece = f"{i:05d} "
            yield [{"seq": i + 1, "at": 0, "kind": "token", "status": "streaming", "stepId": "n7", "visit": 1,
                    "offset": len(text), "text": piece}]
            text += piece
            if i % 20 == 19: await asyncio.sleep(0.01)
        yield [{"seq": 10_001, "at": 0, "kind": "step", "status": "completed", "stepId": "n7", "visit": 1,
                "outputs": {"out": {"type": "text", "value": text}}}]
        yield [{"seq": 10_002, "at": 0, "kind": "status", "status": "completed"}]
following = follow.Following(Stream(), "e", canvas._tell, seconds=follow.LIVE_SECONDS)
"""

DRAGGED = 20
COUNT_INTENTS = """() => { const { model } = document.querySelector('.jp-bj-canvas').view, send = model.send;
  window.INTENTS = []; model.send = function (message, ...rest) {
    if (message.do === 'edit') INTENTS.push(message); return send.call(this, message, ...rest); }; }"""
NEAR = """() => { const { graph } = CANVAS(), { core } = graph;
  core.zoom({ level: 0.28, position: graph.node('n600').position() }); core.center(graph.node('n600'));
  const box = core.container().getBoundingClientRect();
  return core.nodes().filter(node => { const { x, y } = node.renderedPosition();
    return x > 60 && y > 30 && x < box.width - 240 && y < box.height - 60; }).map(node => graph.idOf(node)); }"""
HELD = "() => CANVAS().graph.core.nodes().map(n => [CANVAS().graph.idOf(n), n.position('x'), n.position('y')])"


def new_page(browser: Any) -> Any:
    """Return a page of its own: one that has unsaved notebooks would ask before it leaves them."""
    for context in browser.contexts:
        context.close()
    return browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()


def first_paint(page: Any, server: Jupyter, name: str, cell: str, drawn: str) -> float:
    """Return the milliseconds from a cell's start to its first painted frame."""
    write_notebook(server.root / name, IMPORTS, cell)
    open_notebook(page, server, name)
    run_all(page)
    page.wait_for_function(drawn, timeout=40_000, polling=20)
    painted = float(page.evaluate(PAINTED))
    return painted - float(Kernel(server).value("BEGUN"))


def timed(page: Any, kernel: Kernel, core: str, change: str) -> tuple[float, float]:
    """Return the medians of milliseconds until a change from Python is applied and painted; ``WORD`` alternates."""
    found = []
    for number in range(ROUNDS):
        page.evaluate(f"() => ({WATCH})({core})")
        kernel.run(f"WORD = {('running', 'completed')[number % 2]!r}\nSENT = time.time() * 1000\n{change}")
        time.sleep(SETTLED_SECONDS)  # stock ipycytoscape sends a message for each node: the last one counts
        page.wait_for_function("() => SEEN.painted", polling=10)
        seen, sent = page.evaluate("() => SEEN"), kernel.value("SENT")
        found.append((seen["applied"] - sent, seen["painted"] - sent))
    return statistics.median(a for a, _ in found), statistics.median(p for _, p in found)


def report(n: int, whose: str, paint: float, one: tuple[float, float], hundred: tuple[float, float]) -> None:
    """Print one line of the table."""
    print(f"{n:5} {whose:5}  {paint:5.0f}  {one[0]:4.0f} / {one[1]:4.0f}  {hundred[1]:4.0f}", flush=True)


def drag_many(page: Any, kernel: Kernel) -> None:
    """Drag nodes one right after the other; print how many intents left the page and how many Python has done."""
    page.wait_for_function("() => CANVAS().editor")
    kernel.run("steps = []\ncanvas.observe(lambda change: steps.append(change.new['undoes']), 'doc')")
    page.evaluate(COUNT_INTENTS)
    nodes = page.evaluate(NEAR)[:DRAGGED]
    begun = time.perf_counter()
    for number, node in enumerate(nodes):
        at = page.evaluate("id => AT(id)", node)
        drag(page, (at["x"], at["y"]), (at["x"] + 14, at["y"] + (9 if number % 2 else -9)))
    dragged = time.perf_counter()
    intents = page.evaluate("() => INTENTS.length")
    moved = set(page.evaluate("() => INTENTS.flatMap(one => one.changes.map(change => change.node_id))"))
    while len(kernel.value("steps")) < len(nodes) and time.perf_counter() - dragged < 60:
        time.sleep(0.05)
    done, settled = kernel.value("steps"), time.perf_counter()
    held = kernel.value(PLACES)
    apart = [n for n, x, y in page.evaluate(HELD) if max(abs(held[n][0] - x), abs(held[n][1] - y)) > 1]
    moves = sum("Move" in one for one in done)
    print(
        f"drag at 1,000 nodes: {len(nodes)} gestures in {dragged - begun:.1f} s; {intents} intents sent for "
        f"{len(moved & set(nodes))} nodes, {moves} done by Python {settled - dragged:.1f} s later; "
        f"{len(apart)} of {len(held)} positions differ",
        flush=True,
    )


def measure_stock(browser: Any, server: Jupyter, n: int) -> None:
    """Print the line of stock ipycytoscape."""
    page = new_page(browser)
    try:
        paint = first_paint(page, server, f"stock{n}.ipynb", STOCK.format(n=n), f"() => !!{STOCK_CORE}")
    except NotThere:
        print(f"{n:5} stock  has drawn no edges after 40 s; that happens to it", flush=True)
        return
    kernel = Kernel(server)
    one = timed(page, kernel, STOCK_CORE, "graph.graph.nodes[0].classes = WORD")
    hundred = timed(page, kernel, STOCK_CORE, "for node in graph.graph.nodes[:100]: node.classes = WORD")
    report(n, "stock", paint, one, hundred)


def main() -> None:
    """Measure and print."""
    with (
        tempfile.TemporaryDirectory() as folder,
        jupyter(Path(folder), "lab", UNLIMITED) as server,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        print("first paint, one status applied / painted, 100 statuses of one message painted (ms)")
        for n in SIZES:
            if n in STOCK_SIZES:
                measure_stock(browser, server, n)
            page = new_page(browser)
            drawn = "() => document.querySelector('.jp-bj-canvas')?.canvas?.graph.core.edges().length"
            paint = first_paint(page, server, f"ours{n}.ipynb", OURS.format(n=n), drawn)
            wait_for_canvas(page)
            kernel = Kernel(server)
            one = timed(page, kernel, OUR_CORE, "canvas.statuses = {'n0': {'status': WORD}}")
            many = "canvas.statuses = {f'n{i}': {'status': WORD} for i in range(100)}"
            report(n, "ours", paint, one, timed(page, kernel, OUR_CORE, many))
            if n == 1000:
                drag_many(page, kernel)
                kernel.run("canvas.statuses = {}; canvas.runs_in = 'kernel'")
                kernel.run(DELTAS)
                page.wait_for_function("() => CANVAS().controller.run?.status === 'completed'", timeout=60_000)
                length = page.evaluate("() => CANVAS().controller.run.steps.get('n7').text.length")
                sent = kernel.value("messages")
                rate = len(sent) / (max(sent) - min(sent))
                print(
                    f"10,000 deltas: {len(sent)} messages, {rate:.1f} a second; final text {length} of 60000 characters"
                )
        browser.close()


if __name__ == "__main__":
    main()
