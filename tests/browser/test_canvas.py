"""The canvas in a real JupyterLab and a real Notebook, with mouse and keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from conftest import BLOCKING, GROWING, LAST_WORDS, SUPPORT, start, wait_for_state
from gestures import field, until
from harness import Jupyter, Kernel, ask, click_node, open_notebook, run_all, shows, wait_for_canvas, write_notebook
from playwright.sync_api import expect

Show = Callable[..., Any]
MANY = """import builder_jupyter as bj
wf = bj.Workflow("Many",
    [bj.Node(f"n{i}", "agent", {"name": f"Agent {i}"}, position=bj.Position(300 * (i % 20), 160 * (i // 20)))
     for i in range(400)], [*(bj.Edge(f"n{i}", f"n{i + 1}") for i in range(399)), bj.Edge("n200", "n219")])
canvas = bj.Canvas(wf)
canvas"""
COLORED = """color => { const layer = document.querySelector('.jp-bj-canvas canvas[data-id=layer2-node]');
  const [r, g, b] = color.match(/[0-9a-f]{2}/gi).map(two => parseInt(two, 16)); let found = 0;
  const { data } = layer.getContext('2d').getImageData(0, 0, layer.width, layer.height);
  for (let i = 0; i < data.length; i += 4) found += data[i + 3] > 200 && Math.abs(data[i] - r) < 16
    && Math.abs(data[i + 1] - g) < 16 && Math.abs(data[i + 2] - b) < 16; return found; }"""
SAID = ".jp-bj-details .jp-bj-text"


def test_the_canvas_draws_and_a_run_is_seen_step_by_step(server: Jupyter, show: Show) -> None:
    page = show(server)
    shows(page, "CANVAS().graph.core.nodes().length", 9)
    page.evaluate("""() => { window.SEEN = {}; const { core } = CANVAS().graph;
      core.on('data', 'node', e => { const id = e.target.id().slice(2), s = e.target.data('status');
        const seen = (SEEN[id] ??= []); if (s && seen.at(-1) !== s) seen.push(s); }); }""")
    start(page, "I was charged twice for my invoice")
    click_node(page, "billing")
    wait_for_state(page, "completed")
    shows(page, "SEEN.draft", ["pending", "running", "streaming", "completed"])
    shows(page, "SEEN.technical", ["pending", "skipped"])
    expect(page.locator(".jp-bj-toolbar .jp-bj-numbers")).to_contain_text("4 credits")
    expect(page.locator(SAID).first).to_have_text(LAST_WORDS)
    expect(page.locator(".jp-bj-stands")).to_contain_text("22 + 24 tokens")
    kernel = Kernel(server)
    until(page, kernel, "canvas.execution.status", "completed")
    until(page, kernel, "canvas.selected", "billing")
    until(page, kernel, "canvas.statuses['draft']['status']", "completed")
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


def test_text_is_seen_growing_and_cancel_works_while_a_cell_blocks(server: Jupyter, show: Show) -> None:
    gate = server.root / "cancelled"
    page = show(server, SUPPORT, BLOCKING.format(gate=str(gate)))
    busy = ".jp-CodeCell:nth-of-type(n+2) .jp-InputPrompt:has-text('[*]')"  # the status of the kernel itself flickers
    page.wait_for_selector(busy)
    page.evaluate(GROWING, "billing")
    start(page, "write forever about my invoice")
    click_node(page, "billing")
    page.wait_for_function("() => GREW.length > 9")
    assert (grew := page.evaluate("() => GREW")) == sorted(grew)
    page.click(".jp-bj-cancel")
    wait_for_state(page, "cancelled")
    shows(page, "STATUS('billing')", "skipped")
    assert page.locator(busy).count() == 1
    gate.touch()
    until(page, Kernel(server), "canvas.execution.status", "cancelled")


def test_showing_all_stops_what_moves(lab: Jupyter, show: Show) -> None:
    page = show(lab)
    page.evaluate("() => { const { graph } = CANVAS(); graph.core.pan({ x: -5000, y: 0 }); graph.reveal('start');"
                  " graph.fit(); }")  # fmt: skip
    shows(page, "STILL() && CANVAS().graph.core.nodes().renderedBoundingBox().x2 <= CANVAS().graph.core.width()", True)


def test_a_failed_run_says_why(lab: Jupyter, show: Show) -> None:
    page = show(lab)
    start(page, "please fail my invoice")
    wait_for_state(page, "error")
    shows(page, "STATUS('billing')", "error")
    expect(page.locator(".jp-bj-overview .jp-bj-problem:not([hidden])")).to_contain_text("quota used up")
    click_node(page, "billing")
    expect(page.locator(".jp-bj-details .jp-bj-problem")).to_contain_text("QUOTA")


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
    expect(page.locator(SAID).first).to_have_text(re.compile(r"^\s*Thank you for writing"))


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
    until(page, kernel, "run.status", "cancelled")


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
    until(page, second, "canvas.execution.id", kernel.value("canvas.execution.id"))
    kernel.run(
        "from dataclasses import replace\n"
        "edges = [*wf.edges, bj.Edge('draft', 'extra'), bj.Edge('extra', 'closing')]\n"
        "more = [*wf.nodes, bj.Node('extra', 'agent', {'prompt': 'Work.'})]\n"
        "canvas.client.save(replace(wf, nodes=more, edges=edges))"
    )
    for one in (page, other):
        one.wait_for_function("() => CANVAS().graph.core.nodes().length === 10")
    until(page, second, "len(canvas.workflow.nodes)", 10)
    kernel.run("canvas.client.save(wf)")
    for one in (page, other):
        one.wait_for_function("() => CANVAS().graph.core.nodes().length === 9")
    assert page.problems == []


def test_a_static_canvas_is_stock_ipycytoscape(lab: Jupyter, show: Show) -> None:
    page = show(lab, SUPPORT, "canvas.statuses = {'billing': {'status': 'error'}}\ncanvas.static()")
    core = "[...document.querySelectorAll('.custom-widget')].map(e => e._cyreg?.cy).find(Boolean)"
    page.wait_for_function(f"() => {core}?.edges().length === 13")
    shows(page, f"{core}.nodes().length", 9)
    shows(page, f"{core}.$id('billing').style('border-color')", "rgb(220,38,38)")
    shows(page, f"{core}.$id('billing').data('caption')", "Billing agent\nerror")
    shows(page, f"{core}.nodes().filter(n => n.grabbable()).length", 0)


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
    shows(page, "CANVAS().graph.core.edges().length", 10)
    kernel.run("canvas.workflow = replace(wf, nodes=[*wf.nodes, bj.Node('extra', 'agent')])")
    page.wait_for_function("() => CANVAS().graph.core.nodes().length === 10")
    shows(page, "CANVAS().graph.core.edges().length", 13)
    shows(page, "CANVAS().graph.node('billing').data('label')", "Billing agent")
    after = page.evaluate("() => ({ zoom: CANVAS().graph.core.zoom(), pan: CANVAS().graph.core.pan() })")
    assert after == before
    kernel.run("canvas.selected = 'billing'")
    page.wait_for_function("() => CANVAS().graph.selected === 'billing'")
    assert page.problems == []


def test_cards_too_small_to_read_show_type_status_and_selection(lab: Jupyter, show: Show) -> None:
    page = show(lab, MANY)
    kernel = Kernel(lab)

    def colored(color: str) -> int:
        return int(page.evaluate(COLORED, color))

    def wait_for(color: str) -> None:
        page.wait_for_function(f"color => ({COLORED})(color) > 100", arg=color)

    agent = page.evaluate("() => CANVAS().graph.looks.agent.color")
    red = "#dc2626"
    wait_for(agent)
    assert colored(red) == 0
    kernel.run("canvas.statuses = {f'n{i}': {'status': 'error'} for i in range(400)}")
    wait_for(red)
    accent = page.evaluate("() => getComputedStyle(document.body).getPropertyValue('--jp-brand-color1').trim()")
    assert colored(accent) == 0
    page.evaluate("() => CANVAS().graph.selectAll(['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7'])")
    wait_for(accent)
    page.evaluate("""() => { const { graph } = CANVAS(), at = graph.node('n209').position();
      graph.core.zoom({ level: 0.8, position: at }); graph.core.center(graph.node('n209')); }""")
    page.wait_for_function("() => CANVAS().graph.node('n209').hasClass('near')")
    shows(page, "CANVAS().graph.edge(['n200', 'n219']).hasClass('near')", True)  # it passes through the view
    shows(page, "CANVAS().graph.node('n0').hasClass('near')", False)
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
    shows(page, "CANVAS().graph.selected", "router")
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
    shows(page, "CANVAS().graph.selected", None)


def test_without_a_kernel_the_saved_picture_is_shown(server: Jupyter, show: Show) -> None:
    page = show(server)
    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save') }")
    page.evaluate("async () => { await window.nbw.sessionContext.session.kernel.restart() }")
    page.reload()
    page.wait_for_function("() => document.querySelector('.jp-bj-saved img')?.naturalWidth > 400")
    expect(page.locator("text=Error displaying widget")).to_be_hidden()


def test_a_saved_picture_becomes_a_canvas_again(lab: Jupyter, show: Show) -> None:
    other = SUPPORT.replace("canvas = ", "wf = bj.connect().save(replace(wf, name='Picture'))\ncanvas = ")
    page = show(lab, f"from dataclasses import replace\n{other}")
    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save') }")
    page.evaluate("async () => { await window.nbw.sessionContext.shutdown() }")
    page.reload()
    page.locator(".jp-bj-saved").get_by_role("button", name="Open as live canvas").click()
    wait_for_canvas(page)
    expect(page.locator(".jp-bj-saved")).to_have_count(0)
    page.locator(".jp-bj-numbers", has_text="Up to 6 credits a run").wait_for()
    start(page, "my invoice fast")
    wait_for_state(page, "completed")
    shows(page, "STATUS('billing')", "completed")
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
    expect(dialog).to_have_css("border-top-left-radius", "12px")
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
    expect(page.locator(SAID).first).to_have_text(LAST_WORDS)


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


def test_the_canvas_follows_the_theme(lab: Jupyter, show: Show) -> None:
    page = show(lab)
    # JupyterLab hides itself for a moment then, and cytoscape, which measures a while after each change, may do so now.
    page.evaluate("""() => { const { core } = CANVAS().graph, draw = core.renderer(); window.HIDDEN = 0;
      draw.resizeObserver.disconnect(); draw.styleObserver.disconnect();
      new MutationObserver(() => { core.resize(); HIDDEN += core.width() === 0; })
        .observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-name'] }); }""")
    for number, theme in enumerate(("JupyterLab Dark", "JupyterLab Light"), 1):
        page.evaluate("t => window.jupyterapp.commands.execute('apputils:change-theme', { theme: t })", theme)
        page.wait_for_function(
            "d => { const [r] = CANVAS().graph.core.nodes()[0].pstyle('background-color').value;"
            " return d ? r < 80 : r > 200; }",
            arg="Dark" in theme,
        )
        page.wait_for_function(f"() => ({COLORED})(CANVAS().graph.looks.agent.color) > 100")
        shows(page, "HIDDEN", number)


def test_the_button_runs_python_nodes_in_the_notebooks_kernel_while_a_cell_blocks(lab: Jupyter, show: Show) -> None:
    cell = (
        "import builder_jupyter as bj, pandas as pd\nsales = pd.DataFrame({'n': [1, 2, 3]})\n"
        "wf = bj.Workflow.from_dict({'name': 'in the kernel', 'nodes': [{'id': 'start', 'type': 'start'},\n"
        "    {'id': 'p', 'type': 'python', 'data': {'code': 'print(\"looking\")\\nsales[sales.n > 1]'}},\n"
        "    {'id': 'end', 'type': 'end'}], 'edges': [{'source': 'start', 'target': 'p'},\n"
        "    {'source': 'p', 'target': 'end'}]})\n"
        "canvas = bj.Canvas(wf)\ncanvas"
    )
    gate = lab.root / "pressed"
    page = show(lab, cell, BLOCKING.format(gate=str(gate)))
    busy = ".jp-CodeCell:nth-of-type(n+2) .jp-InputPrompt:has-text('[*]')"
    page.wait_for_selector(busy)
    page.click(".jp-bj-run")
    wait_for_state(page, "completed")
    assert page.locator(busy).count() == 1
    click_node(page, "p")
    page.wait_for_function("() => document.querySelector('.jp-bj-details')?.textContent.includes('2 rows: n')")
    gate.touch()
    kernel = Kernel(lab)
    until(page, kernel, "canvas.execution['p'].result.n.tolist()", [2, 3])
    assert kernel.value("canvas.execution['p'].shown[0]") == {"application/vnd.jupyter.stdout": "looking\n"}
    assert page.problems == []
