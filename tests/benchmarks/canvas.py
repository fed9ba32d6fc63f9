"""How fast the canvas draws, beside stock ipycytoscape in the same run. Run by hand; prints tables.

Needs what the browser tests need. Times are from the start of the cell (imports are in the one before) to the
painted frame, in a headless browser that paints in software; both clocks are the machine's. Targets: first paint
at 100, 1,000 and 5,000 nodes within 0.6, 1 and 2.5 s; one status at 1,000 nodes within 40 ms; at most 30 messages
a second.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

from conftest import CHROMIUM
from harness import FLAGS, Jupyter, Kernel, jupyter, open_notebook, run_all, wait_for_canvas, write_notebook
from playwright.sync_api import sync_playwright

SIZES = (100, 1000, 5000)
STOCK_SIZES = (100, 1000)
ROUNDS = 7

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
WATCH = """() => { const { core } = CANVAS().graph; window.SEEN = {};
  core.on('data', 'node', () => { SEEN.applied ??= performance.timeOrigin + performance.now(); });
  core.on('render', () => { if (SEEN.applied) SEEN.painted ??= performance.timeOrigin + performance.now(); }); }"""
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


def statuses(page: Any, kernel: Kernel, count: int) -> tuple[float, float]:
    """Return the medians of milliseconds until ``count`` statuses of one message are applied and painted."""
    found = []
    for number in range(ROUNDS):
        word = ("running", "completed")[number % 2]
        page.evaluate(WATCH)
        kernel.run(
            f"new = {{**canvas.statuses, **{{f'n{{i}}': {{'status': {word!r}}} for i in range({count})}}}}\n"
            "SENT = time.time() * 1000; canvas.statuses = new"
        )
        page.wait_for_function("() => SEEN.painted", polling=10)
        seen, sent = page.evaluate("() => SEEN"), kernel.value("SENT")
        found.append((seen["applied"] - sent, seen["painted"] - sent))
    return statistics.median(a for a, _ in found), statistics.median(p for _, p in found)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, jupyter(Path(folder)) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        print("nodes  stock: paint  ours: paint  1 status: applied / painted  100 statuses: painted   (ms)")
        for n in SIZES:
            stock = float("nan")
            if n in STOCK_SIZES:
                drawn = "() => [...document.querySelectorAll('.custom-widget')].some(e => e._cyreg?.cy.edges().length)"
                stock = first_paint(new_page(browser), server, f"stock{n}.ipynb", STOCK.format(n=n), drawn)
            page = new_page(browser)
            drawn = "() => document.querySelector('.jp-bj-canvas')?.canvas?.graph.core.edges().length"
            ours = first_paint(page, server, f"ours{n}.ipynb", OURS.format(n=n), drawn)
            wait_for_canvas(page)
            kernel = Kernel(server)
            kernel.run("canvas.statuses = {'n0': {'status': 'pending'}}")
            time.sleep(1)
            applied, painted = statuses(page, kernel, 1)
            _, hundred = statuses(page, kernel, 100)
            print(f"{n:5}  {stock:12.0f}  {ours:11.0f}  {applied:15.0f} / {painted:5.0f}  {hundred:24.0f}")
            if n == 1000:
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
