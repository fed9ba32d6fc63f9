/**
 * The graph on the page: a plain class over a cytoscape core, with no notebook and no widget in it. What comes from
 * Python is a whole graph; what is on the page is changed only where the two differ, and the view stays where it is.
 */
import cytoscape, {
  type Core,
  type CytoscapeOptions,
  type EdgeSingular,
  type NodeSingular
} from 'cytoscape';

import { captionOf, cardArt, lookOf } from './card';
import { edgeId, idOf, isInView, nearest, union } from './elements';
import { type Element, fitPlaces, mark, near } from './detail';
import { bendEdge, changeEdge, edgeElement, nodeElement } from './edges';
import type { Pair } from './editor/wire';
import { drawFar } from './far';
import type { Box } from './groups';
import { type Course, coursesOf, type Socket, socketsIn } from './sockets';
import { stylesheet } from './stylesheet';
import { onThemeChange, readTheme, type Theme } from './theme';
import { type Doc, type DocNode, isDone, type StepStatus } from './types';

/** Above this number of nodes, cards that are too small to read are drawn plain; as in the printed picture. */
const MANY = 300;
const SETTLED_MS = 60;
const FIT_PADDING = 28;
const MAX_FIT_ZOOM = 1;

/** How a node stands, or null when nothing is known of it. */
export type StatusOf = (nodeId: string) => StepStatus | null;

/** A graph in an element. */
export class Graph {
  readonly core: Core;
  /** Called when another node is selected, or none. */
  onSelect: (nodeId: string | null) => void = () => undefined;

  constructor(
    private readonly stage: HTMLElement,
    doc: Doc,
    options: CytoscapeOptions = {},
    /** Whether edges can be selected too: there is something to be done with them. */
    private readonly isEditable = false
  ) {
    this.theme = readTheme(stage);
    this.core = cytoscape({
      minZoom: 0.02,
      maxZoom: 4,
      ...options,
      container: stage,
      style: [],
      layout: { name: 'preset', fit: false },
      userZoomingEnabled: false,
      autounselectify: false
    });
    drawFar(
      this.core,
      one => this.isPlain === true && !one.hasClass('near'),
      () => this.theme
    );
    this.core.on('select', 'node', event => {
      this.chosen.add(idOf(event.target as NodeSingular));
      this.tellSelectionSoon();
    });
    this.core.on('unselect remove', 'node', event => {
      this.chosen.delete(idOf(event.target as NodeSingular));
      this.tellSelectionSoon();
    });
    this.core.on('position', 'node', event => {
      this.bend(event.target as NodeSingular);
    });
    this.core.on('viewport resize', () => {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => {
        this.detail();
      }, SETTLED_MS);
    });
    this.forget = onThemeChange(() => {
      this.restyle();
    });
    this.resizing = new ResizeObserver(() => {
      this.resize();
    });
    this.resizing.observe(stage);
    this.setDoc(doc);
  }

  /** The node that is selected; null for none and for several. */
  get selected(): string | null {
    const [first] = this.chosen;
    return this.chosen.size === 1 && first !== undefined ? first : null;
  }

  /** All nodes that are selected. */
  get selectedNodes(): string[] {
    return [...this.chosen];
  }

  /** Draw another graph: add, remove and change what differs, and leave the view as it is. */
  setDoc(doc: Doc): void {
    this.looks = doc.looks;
    const nodes = new Map(doc.nodes.map(node => [node.id, node]));
    this.sockets = socketsIn(doc);
    const courses = doc.edges.flatMap(edge => coursesOf(edge, id => this.socketsAt(id)));
    const edges = new Map(courses.map(edge => [edge.id, edge]));
    const { core } = this;
    const isPlain = doc.nodes.length > MANY;
    if (isPlain !== this.isPlain) {
      this.isPlain = isPlain;
      core.style(stylesheet(this.theme, isPlain));
    }
    core.startBatch();
    try {
      core
        .edges()
        .filter(edge => !edges.has(edge.id()))
        .remove();
      core
        .nodes()
        .filter(node => !nodes.has(idOf(node)))
        .remove();
      const fresh = doc.nodes.filter(node => !this.change(node));
      core.add(fresh.map(node => nodeElement(node, this.dataOf(node, null))));
      const there = (edge: Course) => nodes.has(edge.source) && nodes.has(edge.target);
      const known = new Set(core.edges().map(edge => edge.id()));
      core.add(
        [...edges]
          .filter(([id, edge]) => !known.has(id) && there(edge))
          .map(([, edge]) => edgeElement(edge, nodes, this.isEditable))
      );
      for (const edge of core.edges()) {
        changeEdge(edge, edges.get(edge.id()));
      }
    } finally {
      core.endBatch();
    }
    this.detail();
    this.tellSelection();
  }

  /** Show how nodes stand: the ones named, or all of them. */
  setStatuses(statusOf: StatusOf, changed: Iterable<string> | 'all'): void {
    const { core } = this;
    const nodes =
      changed === 'all'
        ? core.nodes().toArray()
        : [...changed].map(id => this.node(id)).filter(node => node.nonempty());
    core.startBatch();
    try {
      for (const node of nodes) {
        const status = statusOf(idOf(node));
        if (status !== (node.data('status') as StepStatus | null)) {
          this.dress(node, status);
        }
      }
      for (const edge of changed === 'all' ? core.edges() : union(core, nodes).connectedEdges()) {
        const from = statusOf(idOf(edge.source()));
        const to = statusOf(idOf(edge.target()));
        const isWalked = from === 'completed' && !!to && to !== 'pending' && to !== 'skipped';
        mark(edge, 'walked', isWalked);
        mark(edge, 'dead', !!from && isDone(from) && to === 'skipped');
      }
    } finally {
      core.endBatch();
    }
  }

  /** Select one node, or none, and bring it into view. */
  select(nodeId: string | null): void {
    const { core } = this;
    const node = nodeId === null ? core.collection() : this.node(nodeId);
    core.batch(() => {
      core.elements(':selected').difference(node).unselect();
      node.select();
    });
    if (nodeId !== null) {
      this.reveal(nodeId);
    }
  }

  /** Select the nearest node in a direction. */
  step(dx: number, dy: number): void {
    if (this.selected === null) {
      const first = this.core.nodes()[0];
      this.select(first ? idOf(first) : null);
      return;
    }
    const next = this.nearest(this.selected, dx, dy);
    if (next !== null) {
      this.select(next);
    }
  }

  /** The nearest node in a direction; null when there is none. */
  nearest(from: string, dx: number, dy: number): string | null {
    return nearest(this.core, this.node(from), dx, dy);
  }

  /** Bring a node into view if it is not. */
  reveal(nodeId: string): void {
    const { core } = this;
    const node = this.node(nodeId);
    if (node.nonempty() && !isInView(core, node)) {
      core.animate({ center: { eles: node }, duration: this.theme.isStill ? 0 : 180 });
    }
  }

  /** Show all of it, never larger than life. */
  fit(): void {
    const { core } = this;
    if (!core.nodes().length || !this.stage.clientWidth) {
      return;
    }
    core.stop(true); // a move under way would go on to where it was going
    core.resize();
    const boxes = this.boxes();
    if (this.isPlain || boxes.length) {
      fitPlaces(core, FIT_PADDING, boxes); // asking cytoscape for the box would lay out every element before the first frame
    } else {
      core.fit(undefined, FIT_PADDING);
    }
    if (core.zoom() > MAX_FIT_ZOOM) {
      core.zoom(MAX_FIT_ZOOM).center();
    }
    this.hasFitted = true;
  }

  /** Zoom about the middle. */
  zoomBy(factor: number): void {
    const middle = { x: this.core.width() / 2, y: this.core.height() / 2 };
    this.core.zoom({ level: this.core.zoom() * factor, renderedPosition: middle });
  }

  /** The node with this id, or an empty collection. */
  node(nodeId: string): NodeSingular {
    return this.core.getElementById(`n:${nodeId}`);
  }

  /** The edge between two nodes, or an empty collection; of several the one by the sockets, else the first. */
  edge([source, target, way]: Pair): EdgeSingular {
    const exact = this.core.getElementById(edgeId({ source, target }, way));
    const drawn = this.node(source).edgesTo(this.node(target));
    return exact.nonempty() || !drawn[0] ? exact : drawn[0];
  }

  /** The sockets of a node; none for most. */
  socketsAt(nodeId: string): Socket[] {
    return this.sockets.get(nodeId) ?? NO_SOCKETS;
  }

  /** Select nodes and nothing else. */
  selectAll(ids: Iterable<string>): void {
    const { core } = this;
    const wanted = union(
      core,
      [...ids].map(id => this.node(id))
    );
    core.batch(() => {
      core.elements(':selected').difference(wanted).unselect();
      wanted.select();
    });
  }

  /** The id that a node has in the workflow. */
  idOf(node: { id(): string }): string {
    return idOf(node);
  }

  /** Let go of everything. */
  dispose(): void {
    this.isGone = true;
    this.forget();
    clearTimeout(this.settling);
    this.resizing.disconnect();
    this.core.destroy();
  }

  private theme: Theme;
  looks: Doc['looks'] = {};
  /** What else is drawn and has to be seen when all is shown. */
  boxes: () => Box[] = () => [];
  private sockets = new Map<string, Socket[]>();
  private hasFitted = false;
  private isPlain: boolean | null = null;
  /** What is drawn in full in a plain graph. */
  private near = new Set<Element>();
  private settling: ReturnType<typeof setTimeout> | undefined;
  private readonly forget: () => void;
  private readonly resizing: ResizeObserver;
  private told: string | null = null;
  /** Kept as it changes: asking cytoscape looks at every node. */
  private readonly chosen = new Set<string>();
  private isTelling = false;
  private isGone = false;

  private dataOf(node: DocNode, status: StepStatus | null): Record<string, unknown> {
    const look = lookOf(this.looks, node.type);
    const caption = captionOf(node.label, look, status);
    return {
      label: node.label,
      type: node.type,
      status,
      color: look.color,
      alone: caption === '',
      art: cardArt(look, caption, status, this.theme, this.socketsAt(node.id))
    };
  }

  /** Bring a node up to date; false when there is none. */
  private change(node: DocNode): boolean {
    const known = this.node(node.id);
    if (known.empty()) {
      return false;
    }
    const data = this.dataOf(node, known.data('status') as StepStatus | null);
    if (Object.entries(data).some(([name, value]) => known.data(name) !== value)) {
      known.data(data); // each costs a restyling
    }
    const { x, y } = known.position();
    if ((x !== node.x || y !== node.y) && !known.grabbed()) {
      known.position({ x: node.x, y: node.y });
    }
    return true;
  }

  private dress(node: NodeSingular, status: StepStatus | null): void {
    const label = node.data('label') as string;
    const type = node.data('type') as string;
    node.data(this.dataOf({ id: idOf(node), label, type, x: 0, y: 0 }, status));
    const kept = node.classes().filter(name => !name.startsWith('is-'));
    node.classes(status ? [...kept, `is-${status}`] : kept);
  }

  private bend(node: NodeSingular): void {
    for (const edge of node.connectedEdges()) {
      bendEdge(edge);
    }
  }

  private restyle(): void {
    this.theme = readTheme(this.stage);
    this.core.batch(() => {
      for (const node of this.core.nodes()) {
        this.dress(node, node.data('status') as StepStatus | null);
      }
    });
    this.core.style(stylesheet(this.theme, this.isPlain === true));
    // JupyterLab hides itself for a moment then, too short for observers; who measures meanwhile finds no room at all.
    this.resize();
  }

  private detail(): void {
    const found = this.isPlain ? near(this.core) : new Set<Element>();
    this.core.batch(() => {
      for (const one of this.near) {
        mark(one, 'near', found.has(one));
      }
      for (const one of found) {
        mark(one, 'near', true);
      }
    });
    this.near = found;
  }

  /** Keep the middle in the middle when the room changes; show all when there was none before. */
  private resize(): void {
    const { core } = this;
    const [width, height] = [core.width(), core.height()];
    core.resize();
    if (!this.hasFitted) {
      this.fit();
    } else if (core.width() && width) {
      core.panBy({ x: (core.width() - width) / 2, y: (core.height() - height) / 2 });
    }
  }

  /** Once for many: a box may select thousands. */
  private tellSelectionSoon(): void {
    if (!this.isTelling) {
      this.isTelling = true;
      queueMicrotask(() => {
        this.isTelling = false;
        if (!this.isGone) {
          this.tellSelection();
        }
      });
    }
  }

  private tellSelection(): void {
    const id = this.selected;
    if (id !== this.told) {
      this.told = id;
      this.onSelect(id);
    }
  }
}

const NO_SOCKETS: Socket[] = [];
