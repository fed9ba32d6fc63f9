"""The canvas in a real JupyterLab and a real Notebook, with mouse and keyboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import SUPPORT, start, wait_for_state
from gestures import field
from harness import Jupyter, Kernel, ask, click_node, open_notebook, run_all, wait_for_canvas, write_notebook

Show = Callable[..., Any]
BLOCKING = "import time\ntime.sleep(8)\nprint('cell is done')"


def test_the_canvas_draws_and_a_run_is_seen_step_by_step(server: Jupyter, show: Show) -> None:
    page = show(server)
    assert page.evaluate("() => CANVAS().graph.core.nodes().length") == 9
    page.evaluate("""() => { window.SEEN = {}; const { core } = CANVAS().graph;
      core.on('data', 'node', e => { const id = e.target.id().slice(2), s = e.target.data('status');
        const seen = (SEEN[id] ??= []); if (s && seen.at(-1) !== s) seen.push(s); }); }""")
    start(page, "I was charged twice for my invoice")
    click_node(page, "billing")
    page.wait_for_selector(".jp-bj-details .jp-mod-growing .jp-bj-text")
    first = page.inner_text(".jp-mod-growing .jp-bj-text")
    page.wait_for_function(
        "n => document.querySelector('.jp-bj-details .jp-bj-text').textContent.length > n", arg=len(first)
    )
    wait_for_state(page, "completed")
    seen = page.evaluate("() => SEEN")
    assert seen["draft"] == ["pending", "running", "streaming", "completed"]
    assert seen["technical"] == ["pending", "skipped"]
    assert "4 credits" in page.inner_text(".jp-bj-toolbar .jp-bj-numbers")
    assert page.inner_text(".jp-bj-details .jp-bj-text").rstrip().endswith("refunded today .")
    assert "22 + 24 tokens" in page.inner_text(".jp-bj-stands")
    kernel = Kernel(server)
    page.wait_for_timeout(700)
    assert kernel.value("canvas.execution.status") == "completed"
    assert kernel.value("canvas.selected") == "billing"
    assert kernel.value("canvas.statuses['draft']['status']") == "completed"
    assert page.problems == []


def test_the_subclass_and_the_cytoscape_in_use_are_ours(server: Jupyter, show: Show) -> None:
    page = show(server)
    chain = page.evaluate("""() => { const { view } = document.querySelector('.jp-bj-canvas'), methods = [];
      for (let p = Object.getPrototypeOf(view); p; p = Object.getPrototypeOf(p))
        if (Object.hasOwn(p, 'init_render')) methods.push(p.init_render);
      return { overridden: methods.length === 2 && view.init_render === methods[0],
               theirs: methods[1].toString().includes('tooltip_source'),
               core: view.cytoscape_obj === CANVAS().graph.core }; }""")
    assert chain == {"overridden": True, "theirs": True, "core": True}
    assert page.evaluate("() => CANVAS().version").startswith("3.34.")
    assert Kernel(server).value("isinstance(canvas, __import__('ipycytoscape').CytoscapeWidget)") is True


def test_run_and_cancel_work_while_a_cell_blocks(server: Jupyter, show: Show) -> None:
    page = show(server, SUPPORT, BLOCKING)
    busy = ".jp-CodeCell:nth-of-type(n+2) .jp-InputPrompt:has-text('[*]')"  # the status of the kernel itself flickers
    page.wait_for_selector(busy)
    start(page, "write forever about my invoice")
    page.wait_for_function("() => STATUS('billing') === 'streaming'")
    page.click(".jp-bj-cancel")
    wait_for_state(page, "cancelled")
    assert page.evaluate("() => STATUS('billing')") == "skipped"
    assert page.locator(busy).count() == 1
    page.wait_for_selector("text=cell is done", timeout=20_000)
    assert Kernel(server).value("canvas.execution.status") == "cancelled"


def test_a_failed_run_says_why(lab: Jupyter, show: Show) -> None:
    page = show(lab)
    start(page, "please fail my invoice")
    wait_for_state(page, "error")
    assert page.evaluate("() => STATUS('billing')") == "error"
    assert "quota used up" in page.inner_text(".jp-bj-overview .jp-bj-problem:not([hidden])")
    click_node(page, "billing")
    assert "QUOTA" in page.inner_text(".jp-bj-details .jp-bj-problem")


def test_a_dropped_socket_is_survived(lab: Jupyter, show: Show, page: Any) -> None:
    page.add_init_script(
        """(() => { const Real = window.WebSocket; window.SOCKETS = [];
      window.WebSocket = class extends Real { constructor(...a) { super(...a);
        if (String(a[0]).includes('/api/builder/')) SOCKETS.push(this); } }; })()"""
    )
    show(lab)
    start(page, "my invoice")
    for number in (1, 2):
        page.wait_for_function(f"() => SOCKETS.length === {number} && CANVAS().controller.run?.seq > {10 * number}")
        page.evaluate("() => SOCKETS.at(-1).close()")
    wait_for_state(page, "completed")
    assert page.evaluate("() => SOCKETS.length") >= 3
    click_node(page, "closing")
    assert page.inner_text(".jp-bj-details .jp-bj-text").startswith("Thank you for writing")


def test_python_runs_show_and_two_views_stay_in_step(lab: Jupyter, show: Show) -> None:
    other = "other = bj.Canvas(canvas.client.save(wf))\nother"
    page = show(lab, SUPPORT, "canvas", other, canvases=3)
    kernel = Kernel(lab)
    kernel.run("run = canvas.start(message='my invoice forever')")
    for index in range(3):
        page.wait_for_function("i => STATUS('billing', i) === 'streaming'", arg=index)
    page.locator(".jp-bj-cancel:visible").nth(1).click()
    for index in range(3):
        wait_for_state(page, "cancelled", index=index)
    assert kernel.value("run.status") == "cancelled"


def test_two_notebooks_of_one_workflow_stay_in_step(server: Jupyter, show: Show, page: Any) -> None:
    show(server)
    kernel = Kernel(server)
    kernel.run("canvas.workflow = canvas.client.save(wf)")
    saved = kernel.value("canvas.workflow.id")
    other = page.context.new_page()
    write_notebook(server.root / "other.ipynb", f"import builder_jupyter as bj\ncanvas = bj.Canvas({saved!r})\ncanvas")
    open_notebook(other, server, "other.ipynb")
    run_all(other)
    wait_for_canvas(other)
    start(other, "my invoice forever")
    page.wait_for_function("() => STATUS('billing') === 'streaming'")
    page.click(".jp-bj-cancel")
    wait_for_state(page, "cancelled")
    wait_for_state(other, "cancelled")
    second = Kernel(server)
    assert kernel.value("canvas.execution.id") == second.value("canvas.execution.id")
    kernel.run(
        "from dataclasses import replace\n"
        "edges = [*wf.edges, bj.Edge('draft', 'extra'), bj.Edge('extra', 'closing')]\n"
        "more = [*wf.nodes, bj.Node('extra', 'agent', {'prompt': 'Work.'})]\n"
        "canvas.client.save(replace(wf, nodes=more, edges=edges))"
    )
    for one in (page, other):
        one.wait_for_function("() => CANVAS().graph.core.nodes().length === 10")
    assert second.value("len(canvas.workflow.nodes)") == 10
    kernel.run("canvas.client.save(wf)")
    for one in (page, other):
        one.wait_for_function("() => CANVAS().graph.core.nodes().length === 9")
    assert page.problems == []


def test_a_static_canvas_is_stock_ipycytoscape(lab: Jupyter, show: Show) -> None:
    page = show(lab, SUPPORT, "canvas.statuses = {'billing': {'status': 'error'}}\ncanvas.static()")
    core = "[...document.querySelectorAll('.custom-widget')].map(e => e._cyreg?.cy).find(Boolean)"
    page.wait_for_function(f"() => {core}?.edges().length === 13")
    assert page.evaluate(f"() => {core}.nodes().length") == 9
    assert page.evaluate(f"() => {core}.$id('billing').style('border-color')") == "rgb(220,38,38)"
    assert page.evaluate(f"() => {core}.$id('billing').data('caption')") == "Billing agent\nerror"
    assert page.evaluate(f"() => {core}.nodes().filter(n => n.grabbable()).length") == 0


def test_changes_from_python_keep_view_and_graph(lab: Jupyter, show: Show) -> None:
    page = show(lab)
    page.evaluate("() => { const { core } = CANVAS().graph; core.zoom(0.9); core.pan({ x: 17, y: 23 }); }")
    before = page.evaluate("() => ({ zoom: CANVAS().graph.core.zoom(), pan: CANVAS().graph.core.pan() })")
    kernel = Kernel(lab)
    kernel.run(
        "from dataclasses import replace\n"
        "canvas.workflow = replace(wf, nodes=[n for n in wf.nodes if n.id != 'technical'],"
        " edges=[e for e in wf.edges if 'technical' not in (e.source, e.target)])"
    )
    page.wait_for_function("() => CANVAS().graph.core.nodes().length === 8")
    assert page.evaluate("() => CANVAS().graph.core.edges().length") == 10
    kernel.run("canvas.workflow = replace(wf, nodes=[*wf.nodes, bj.Node('extra', 'agent')])")
    page.wait_for_function("() => CANVAS().graph.core.nodes().length === 10")
    assert page.evaluate("() => CANVAS().graph.core.edges().length") == 13
    assert page.evaluate("() => CANVAS().graph.node('billing').data('label')") == "Billing agent"
    after = page.evaluate("() => ({ zoom: CANVAS().graph.core.zoom(), pan: CANVAS().graph.core.pan() })")
    assert after == before
    kernel.run("canvas.selected = 'billing'")
    page.wait_for_function("() => CANVAS().graph.selected === 'billing'")
    assert page.problems == []


def test_keyboard_and_wheel(lab: Jupyter, show: Show) -> None:
    page = show(lab)
    stage = page.locator(".jp-bj-stage")
    zoom = "() => CANVAS().graph.core.zoom()"
    before = page.evaluate(zoom)
    stage.hover()
    page.mouse.wheel(0, 200)
    page.wait_for_timeout(200)
    assert page.evaluate(zoom) == before
    stage.focus()
    for key in ("ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate("() => CANVAS().graph.selected") == "router"
    cells = page.evaluate("() => window.nbw.content.widgets.length")
    for key in ("a", "b", "x"):
        page.keyboard.press(key)
        page.wait_for_timeout(100)
        assert page.evaluate("() => window.nbw.content.widgets.length") == cells
    stage.focus()  # A has opened the palette
    stage.hover()  # the page has scrolled under the mouse
    page.mouse.wheel(0, -200)
    page.wait_for_function("z => CANVAS().graph.core.zoom() !== z", arg=before)
    page.keyboard.press("Escape")
    assert page.evaluate("() => CANVAS().graph.selected") is None


def test_without_a_kernel_the_saved_picture_is_shown(server: Jupyter, show: Show) -> None:
    page = show(server)
    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save') }")
    page.evaluate("async () => { await window.nbw.sessionContext.session.kernel.restart() }")
    page.wait_for_timeout(1000)
    page.reload()
    page.wait_for_selector(".jp-bj-saved img")
    assert page.locator(".jp-bj-saved img").evaluate("e => e.naturalWidth") > 400
    assert page.locator("text=Error displaying widget").is_visible() is False


def test_a_saved_picture_becomes_a_canvas_again(lab: Jupyter, show: Show) -> None:
    other = SUPPORT.replace("canvas = ", "wf = bj.connect().save(replace(wf, name='Picture'))\ncanvas = ")
    page = show(lab, f"from dataclasses import replace\n{other}")
    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save') }")
    page.evaluate("async () => { await window.nbw.sessionContext.shutdown() }")
    page.reload()
    page.locator(".jp-bj-saved").get_by_role("button", name="Open as live canvas").click()
    wait_for_canvas(page)
    assert page.locator(".jp-bj-saved").count() == 0
    page.locator(".jp-bj-numbers", has_text="Up to 6 credits a run").wait_for()
    start(page, "my invoice fast")
    wait_for_state(page, "completed")
    assert page.evaluate("() => STATUS('billing')") == "completed"
    rename_and_save(page, "billing", "Invoices")
    page.wait_for_function("() => document.querySelector('.jp-bj-notice')?.textContent.includes('Saved')")
    # Somebody else saves meanwhile: which of the two counts is asked for.
    workflow = page.evaluate("() => CANVAS().doc.workflowId")
    theirs = {
        "nodes": [{"id": "a", "type": "start"}, {"id": "b", "type": "end"}],
        "edges": [{"source": "a", "target": "b"}],
    }
    ask(lab, "PUT", f"builder/workflows/{workflow}", theirs)
    rename_and_save(page, "billing", "Mine")
    dialog = page.get_by_role("dialog", name="Somebody else has saved this workflow")
    assert dialog.evaluate("e => getComputedStyle(e).borderTopLeftRadius") == "12px"
    dialog.get_by_role("button", name="Show theirs").click()
    page.wait_for_function("() => CANVAS().graph.core.nodes().length === 2")
    assert page.problems == []


def rename_and_save(page: Any, node: str, name: str) -> None:
    page.evaluate("id => CANVAS().graph.select(id)", node)
    page.locator(f".jp-bj-single {field('name')}").fill(name)
    page.keyboard.press("Tab")
    page.wait_for_function("name => CANVAS().doc.nodes.some(node => node.label === name)", arg=name)
    page.locator(".jp-bj-stage").focus()
    page.keyboard.press("Control+s")


def test_in_embedded_mode_the_kernel_runs_it(lab: Jupyter, show: Show) -> None:
    embedded = (
        "import scripted; scripted.install()\nimport builder_jupyter as bj\n"
        "wf = bj.Workflow.load({path!r})\ncanvas = bj.Canvas(wf, client=bj.connect('embedded'))\ncanvas"
    )
    page = show(lab, embedded.replace("{path!r}", SUPPORT.split("load(")[1].split(")")[0]))
    assert Kernel(lab).value("canvas.runs_in") == "kernel"
    start(page, "my invoice")
    page.wait_for_function("() => STATUS('billing') === 'streaming'")
    wait_for_state(page, "completed")
    click_node(page, "summary")
    assert page.inner_text(".jp-bj-details .jp-bj-text").rstrip().endswith("refunded today .")


def test_the_side_bar_lists_searches_and_opens(lab: Jupyter, show: Show) -> None:
    page = show(lab)
    start(page, "my invoice fast")
    wait_for_state(page, "completed")
    page.evaluate("() => window.jupyterapp.shell.activateById('builder-jupyter-runs')")
    page.wait_for_selector("#builder-jupyter-runs .jp-bj-entry:has-text('completed')")
    page.evaluate("() => window.jupyterapp.shell.activateById('builder-jupyter-workflows')")
    page.wait_for_selector(".jp-bj-list .jp-bj-entry:has-text('version')")
    search = page.locator("#builder-jupyter-workflows .jp-bj-search")
    search.fill("nothing like it")
    page.wait_for_selector("text=No workflow is like that.")
    search.fill("customer")
    page.click(".jp-bj-entry:has-text('Customer Support'):has-text('version')")
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.title.label.startsWith('Customer Support')")
    wait_for_canvas(page, 2)


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_the_canvas_follows_the_theme(lab: Jupyter, show: Show, theme: str) -> None:
    page = show(lab)
    page.evaluate("t => window.jupyterapp.commands.execute('apputils:change-theme', { theme: t })", theme)
    is_dark = "Dark" in theme
    page.wait_for_function(
        "d => { const [r] = CANVAS().graph.core.nodes()[0].pstyle('background-color').value;"
        " return d ? r < 80 : r > 200; }",
        arg=is_dark,
    )


def test_the_button_runs_python_nodes_in_the_notebooks_kernel_while_a_cell_blocks(lab: Jupyter, show: Show) -> None:
    cell = (
        "import builder_jupyter as bj, pandas as pd\nsales = pd.DataFrame({'n': [1, 2, 3]})\n"
        "wf = bj.Workflow.from_dict({'name': 'in the kernel', 'nodes': [{'id': 'start', 'type': 'start'},\n"
        "    {'id': 'p', 'type': 'python', 'data': {'code': 'print(\"looking\")\\nsales[sales.n > 1]'}},\n"
        "    {'id': 'end', 'type': 'end'}], 'edges': [{'source': 'start', 'target': 'p'},\n"
        "    {'source': 'p', 'target': 'end'}]})\n"
        "canvas = bj.Canvas(wf)\ncanvas"
    )
    page = show(lab, cell, BLOCKING)
    busy = ".jp-CodeCell:nth-of-type(n+2) .jp-InputPrompt:has-text('[*]')"
    page.wait_for_selector(busy)
    page.click(".jp-bj-run")
    wait_for_state(page, "completed")
    assert page.locator(busy).count() == 1
    click_node(page, "p")
    page.wait_for_function("() => document.querySelector('.jp-bj-details')?.textContent.includes('2 rows: n')")
    kernel = Kernel(lab)
    assert kernel.value("canvas.execution['p'].result.n.tolist()") == [2, 3]
    assert kernel.value("canvas.execution['p'].shown[0]") == {"application/vnd.jupyter.stdout": "looking\n"}
    assert page.problems == []
