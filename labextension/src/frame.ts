/** A canvas in an element: toolbar above, graph and pane below, and what keyboard and mouse do. */
import cytoscape, { type CytoscapeOptions } from 'cytoscape';

import type { Controller, Change } from './controller';
import { element, OWN_KEYS, setText } from './dom';
import { Editor } from './editor/editor';
import type { EditHost } from './editor/host';
import { Graph } from './graph';
import { GroupLayer } from './groups';
import { flag, onEdge } from './inspector/flags';
import { Pane } from './pane';
import { Toolbar } from './toolbar';
import type { Doc, StepStatus } from './types';

const TICK_MS = 200;
const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1]
};

/** One view of a canvas, whoever shows it. */
export class CanvasFrame {
  readonly graph: Graph;
  /** Of the cytoscape that draws: ours, not the older one inside ipycytoscape. */
  readonly version = (cytoscape as unknown as { version: string }).version;
  /** Called when another node is selected, or none. */
  onSelect: (nodeId: string | null) => void = () => undefined;
  /** Whether the wheel may zoom at all. */
  zoomsOnWheel: () => boolean = () => true;

  constructor(
    private readonly host: HTMLElement,
    readonly controller: Controller,
    public doc: Doc,
    options: CytoscapeOptions = {},
    /** Who takes edits; without one the graph is there to look at and to run. */
    readonly edits: EditHost | null = null
  ) {
    setText(
      this.hint,
      edits ? 'Drag a node here from the left, or press A and type.' : 'There are no nodes yet.'
    );
    this.toolbar = new Toolbar(controller, {
      run: () => {
        this.run();
      },
      fit: () => {
        this.graph.fit();
      },
      zoom: factor => {
        this.graph.zoomBy(factor);
      },
      togglePane: () => {
        this.showPane(this.pane.node.hidden);
      }
    });
    this.pane = new Pane(
      controller,
      doc,
      {
        run: () => {
          this.run();
        },
        select: id => {
          this.graph.select(id);
        },
        selectEdge: (source, target) => {
          this.graph.select(null);
          this.graph.edge([source, target]).select();
        },
        selectNodes: ids => {
          this.graph.selectAll(ids);
          this.stage.focus({ preventScroll: true });
        },
        mark: marks => {
          this.marks = marks;
          this.pending = 'all';
          this.request();
        }
      },
      edits
    );
    host.replaceChildren(this.toolbar.node, this.body);
    this.area.append(this.stage, this.hint);
    this.main.append(...(edits ? [this.rail] : []), this.area);
    this.body.append(this.main, this.pane.node);
    this.body.classList.toggle('jp-mod-wide', isWide(doc)); // before the graph is fitted into its room
    this.graph = new Graph(this.stage, doc, options, edits !== null);
    this.groups = new GroupLayer(this.stage, this.graph);
    this.area.append(this.groups.front);
    this.groups.setGroups(doc.groups ?? []);
    this.graph.boxes = () => this.groups.boxes;
    this.graph.onSelect = id => {
      this.pane.show(id);
      this.onSelect(id);
    };
    onEdge(this.graph.core, ends => {
      if (ends) {
        this.pane.showEdge(...ends);
      } else {
        this.pane.show(this.graph.selected);
      }
    });
    Object.assign(host, { canvas: this }); // a way in for tests and for the curious
    this.listen();
    this.describe(doc);
    this.showPane(true);
    controller.changed.connect(this.onChange);
    this.paint();
    this.graph.fit();
    if (edits) {
      this.opening = afterPaint(() => {
        const { area, groups, rail, stage, toolbar } = this;
        this.editor = new Editor(
          { area, groups, rail, stage, tools: toolbar.tools },
          this.graph,
          edits,
          this.doc
        );
      });
    }
  }

  /** What makes the graph editable; null until it is drawn for the first time, and where nobody takes edits. */
  editor: Editor | null = null;

  /** Show another graph. */
  setDoc(doc: Doc): void {
    this.doc = doc;
    this.graph.setDoc(this.editor?.edits.ahead(doc) ?? doc);
    this.groups.setGroups(doc.groups ?? []);
    this.editor?.setDoc(doc);
    this.pane.setDoc(doc);
    this.describe(doc);
    this.pending = 'all';
    this.request();
  }

  private describe(doc: Doc): void {
    if (!this.edits) {
      this.body.classList.toggle('jp-mod-wide', isWide(doc)); // while one edits, nothing jumps
    }
    this.hint.hidden = doc.nodes.length > 0;
    this.toolbar.setDoc(doc.name, doc.triggers.length > 0);
    this.stage.setAttribute('aria-label', `Graph of ${doc.name}. The steps are listed beside it.`);
  }

  /** Let go of everything. */
  dispose(): void {
    this.controller.changed.disconnect(this.onChange);
    cancelAnimationFrame(this.frame);
    this.opening();
    this.editor?.dispose();
    clearInterval(this.clock);
    this.pane.dispose();
    this.groups.dispose();
    this.graph.dispose();
    this.host.replaceChildren();
  }

  readonly groups: GroupLayer;
  private readonly toolbar: Toolbar;
  private readonly pane: Pane;
  private readonly body = element('div', 'jp-bj-body');
  private readonly main = element('div', 'jp-bj-main');
  private readonly area = element('div', 'jp-bj-area');
  /** What to do with a graph that is empty; the mouse goes through it. */
  private readonly hint = element('div', 'jp-bj-hint');
  private readonly rail = element('div', 'jp-bj-rail', { 'aria-label': 'Node types' });
  private opening: () => void = () => undefined;
  private readonly stage = element('div', 'jp-bj-stage', {
    ...OWN_KEYS,
    tabindex: '0',
    role: 'application'
  });
  private pending: Set<string> | 'all' = 'all';
  private frame = 0;
  /** What is to be shown of what validation says. */
  private marks: Map<string, 'error' | 'warning'> | null = null;
  private isStale = false;
  private clock: ReturnType<typeof setInterval> | undefined;

  private run(): void {
    const { form } = this.pane;
    if (form.trigger === null) {
      return;
    }
    if (!this.pane.showsForm) {
      this.showPane(true);
      this.graph.select(null);
      if (form.focusEmpty()) {
        return; // there is something to fill in that could not be seen
      }
    }
    try {
      void this.controller.start(form.trigger, form.values());
    } catch (error) {
      this.controller.fail(error instanceof Error ? error.message : String(error));
    }
  }

  private showPane(isOpen: boolean): void {
    this.pane.node.hidden = !isOpen;
    this.toolbar.setPane(isOpen);
  }

  private readonly onChange = (_: Controller, change: Change): void => {
    if (change.steps === 'all' || this.pending === 'all') {
      this.pending = 'all';
    } else {
      for (const id of change.steps) {
        this.pending.add(id);
      }
    }
    this.request();
  };

  /**
   * Paint at once, then at most once a frame, however much has changed: cytoscape draws in the frame after a change, so
   * that waiting for one of our own first would show everything a frame late.
   */
  private request(): void {
    this.isStale = true;
    if (!this.frame) {
      this.paint();
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        if (this.isStale) {
          this.request();
        }
      });
    }
  }

  private paint(): void {
    const { run } = this.controller;
    const changed = this.pending;
    this.pending = new Set();
    this.isStale = false;
    const statusOf = (id: string): StepStatus | null =>
      run ? (run.steps.get(id)?.status ?? (run.id ? 'pending' : null)) : null;
    if (this.marks) {
      flag(this.graph.core, this.marks);
      this.marks = null;
    }
    if (changed === 'all' || changed.size) {
      this.graph.setStatuses(statusOf, changed);
    }
    this.toolbar.update();
    this.pane.update();
    this.tick(run !== null && run.id !== '' && !run.isOver);
  }

  private tick(isActive: boolean): void {
    if (isActive && this.clock === undefined) {
      this.clock = setInterval(() => {
        this.toolbar.update();
      }, TICK_MS);
    } else if (!isActive) {
      clearInterval(this.clock);
      this.clock = undefined;
    }
  }

  private listen(): void {
    const { stage } = this;
    stage.addEventListener('mousedown', () => {
      stage.focus({ preventScroll: true });
    });
    // The page scrolls on, unless the graph has the focus or a key says that zooming is meant. Listened to around the
    // stage, so that it is settled before cytoscape hears of it.
    this.body.addEventListener(
      'wheel',
      event => {
        const isMeant = event.ctrlKey || event.metaKey || document.activeElement === stage;
        this.graph.core.userZoomingEnabled(isMeant && this.zoomsOnWheel());
      },
      { capture: true, passive: true }
    );
    stage.addEventListener('keydown', event => {
      const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
      if (this.editor?.press(event) || (isPlain && this.press(event.key))) {
        event.preventDefault();
        event.stopPropagation();
      }
    });
  }

  private press(key: string): boolean {
    const step = STEPS[key];
    if (step) {
      this.graph.step(...step);
    } else if (key === 'f' || key === 'F' || key === '0') {
      this.graph.fit();
    } else if (key === '+' || key === '=') {
      this.graph.zoomBy(1.25);
    } else if (key === '-') {
      this.graph.zoomBy(1 / 1.25);
    } else if (key === 'Escape') {
      this.graph.core.elements().unselect();
    } else if (key === ' ') {
      return true; // held while dragging the background; the page must not scroll
    } else {
      return false;
    }
    return true;
  }
}

/** Call back when the next frame has been drawn; call the answer to do without. */
function afterPaint(call: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const frame = requestAnimationFrame(() => {
    timer = setTimeout(call);
  });
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
}

/** Whether a graph is so much wider than high that the pane is better off below it. */
function isWide(doc: Doc): boolean {
  const [xs, ys] = [doc.nodes.map(node => node.x), doc.nodes.map(node => node.y)];
  const span = (of: number[]) =>
    of.reduce((a, b) => Math.max(a, b), -1e9) - of.reduce((a, b) => Math.min(a, b), 1e9);
  return doc.nodes.length > 1 && span(xs) + 180 > 2 * (span(ys) + 60);
}
