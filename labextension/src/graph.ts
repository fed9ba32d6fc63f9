/**
 * The graph on the page: a plain class over a cytoscape core, with no notebook and no widget in it. What comes from
 * Python is a whole graph; what is on the page is changed only where the two differ, and the view stays where it is.
 */
import cytoscape, {
  type Core,
  type CytoscapeOptions,
  type NodeCollection,
  type NodeSingular
} from 'cytoscape';

import { captionOf, cardArt, lookOf } from './card';
import { curveOf } from './curves';
import { type Element, fitPlaces, mark, near } from './detail';
import { stylesheet } from './stylesheet';
import { onThemeChange, readTheme, type Theme } from './theme';
import { type Doc, type DocEdge, type DocNode, isDone, type StepStatus } from './types';

/** Above this number of nodes, cards that are too small to read are drawn plain; as in the printed picture. */
const MANY = 300;
const SETTLED_MS = 60;
const LARGE = 1500;
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
    options: CytoscapeOptions = {}
  ) {
    this.theme = readTheme(stage);
    const isLarge = doc.nodes.length > LARGE;
    this.core = cytoscape({
      minZoom: 0.02,
      maxZoom: 4,
      ...options,
      container: stage,
      style: [],
      layout: { name: 'preset', fit: false },
      userZoomingEnabled: false,
      autounselectify: false,
      hideEdgesOnViewport: isLarge,
      textureOnViewport: isLarge
    });
    drawOnlyWhatIsInView(this.core);
    this.core.on('select unselect', 'node', () => {
      this.tellSelection();
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
    const chosen = this.core.nodes(':selected');
    return chosen.length === 1 && chosen[0] ? idOf(chosen[0]) : null;
  }

  /** Draw another graph: add, remove and change what differs, and leave the view as it is. */
  setDoc(doc: Doc): void {
    this.looks = doc.looks;
    const nodes = new Map(doc.nodes.map(node => [node.id, node]));
    const edges = new Map(doc.edges.map(edge => [edgeId(edge), edge]));
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
      core.add(fresh.map(node => this.elementOf(node)));
      const there = (edge: DocEdge) => nodes.has(edge.source) && nodes.has(edge.target);
      const known = new Set(core.edges().map(edge => edge.id()));
      core.add(
        [...edges]
          .filter(([id, edge]) => !known.has(id) && there(edge))
          .map(([id, edge]) => this.edgeOf(id, edge, nodes))
      );
      for (const edge of core.edges()) {
        const label = edges.get(edge.id())?.label ?? '';
        if (edge.data('label') !== label) {
          edge.data('label', label);
        }
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
    if (node.nonempty() && !isInView(core, node)) {
      core.animate({ center: { eles: node }, duration: 180 });
    }
  }

  /** Select the nearest node in a direction. */
  step(dx: number, dy: number): void {
    const here = this.selected === null ? null : this.node(this.selected).position();
    if (!here) {
      const first = this.core.nodes()[0];
      this.select(first ? idOf(first) : null);
      return;
    }
    let best: { id: string; far: number } | null = null;
    for (const node of this.core.nodes()) {
      const x = node.position().x - here.x;
      const y = node.position().y - here.y;
      const ahead = x * dx + y * dy;
      const aside = Math.abs(x * dy) + Math.abs(y * dx);
      const far = ahead + 2 * aside;
      if (ahead > 1 && ahead > aside * 0.3 && (!best || far < best.far)) {
        best = { id: idOf(node), far };
      }
    }
    if (best) {
      this.select(best.id);
    }
  }

  /** Show all of it, never larger than life. */
  fit(): void {
    const { core } = this;
    if (!core.nodes().length || !this.stage.clientWidth) {
      return;
    }
    core.resize();
    if (this.isPlain) {
      fitPlaces(core, FIT_PADDING); // asking cytoscape for the box would lay out every element before the first frame
    } else {
      core.fit(undefined, FIT_PADDING);
    }
    if (core.zoom() > MAX_FIT_ZOOM) {
      core.zoom(MAX_FIT_ZOOM);
      core.center();
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

  /** Let go of everything. */
  dispose(): void {
    this.forget();
    clearTimeout(this.settling);
    this.resizing.disconnect();
    this.core.destroy();
  }

  private theme: Theme;
  private looks: Doc['looks'] = {};
  private hasFitted = false;
  private isPlain: boolean | null = null;
  /** What is drawn in full in a plain graph. */
  private near = new Set<Element>();
  private settling: ReturnType<typeof setTimeout> | undefined;
  private readonly forget: () => void;
  private readonly resizing: ResizeObserver;
  private told: string | null = null;

  private elementOf(node: DocNode): cytoscape.ElementDefinition {
    return {
      group: 'nodes',
      data: { id: `n:${node.id}`, ...this.dataOf(node, null) },
      position: { x: node.x, y: node.y }
    };
  }

  private edgeOf(
    id: string,
    edge: DocEdge,
    nodes: Map<string, DocNode>
  ): cytoscape.ElementDefinition {
    const [source, target] = [nodes.get(edge.source), nodes.get(edge.target)];
    return {
      group: 'edges',
      selectable: false,
      data: {
        id,
        source: `n:${edge.source}`,
        target: `n:${edge.target}`,
        label: edge.label,
        curve: curveOf(source ?? ORIGIN, target ?? ORIGIN)
      }
    };
  }

  private dataOf(node: DocNode, status: StepStatus | null): Record<string, unknown> {
    const look = lookOf(this.looks, node.type);
    const caption = captionOf(node.label, look, status);
    return {
      label: node.label,
      type: node.type,
      status,
      alone: caption === '',
      art: cardArt(look, caption, status, this.theme)
    };
  }

  /** Bring a node up to date; false when there is none. */
  private change(node: DocNode): boolean {
    const known = this.node(node.id);
    if (known.empty()) {
      return false;
    }
    known.data(this.dataOf(node, known.data('status') as StepStatus | null));
    const { x, y } = known.position();
    if (x !== node.x || y !== node.y) {
      known.position({ x: node.x, y: node.y });
    }
    return true;
  }

  private dress(node: NodeSingular, status: StepStatus | null): void {
    const label = node.data('label') as string;
    const type = node.data('type') as string;
    node.data(this.dataOf({ id: '', label, type, x: 0, y: 0 }, status));
    const kept = node.classes().filter(name => !name.startsWith('is-'));
    node.classes(status ? [...kept, `is-${status}`] : kept);
  }

  private bend(node: NodeSingular): void {
    for (const edge of node.connectedEdges()) {
      edge.data('curve', curveOf(edge.source().position(), edge.target().position()));
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

  private tellSelection(): void {
    const id = this.selected;
    if (id !== this.told) {
      this.told = id;
      this.onSelect(id);
    }
  }
}

const ORIGIN: DocNode = { id: '', label: '', type: '', x: 0, y: 0 };

/** The id that an element has in the workflow: on the page nodes and edges share one space of ids. */
function idOf(node: { id(): string }): string {
  return node.id().slice(2);
}

/** Elements as one collection; cytoscape takes an array here, its types do not say so. */
function union(core: Core, nodes: NodeSingular[]): NodeCollection {
  return core.collection(nodes as unknown as string);
}

function edgeId(edge: DocEdge): string {
  return `e:${JSON.stringify([edge.source, edge.target])}`;
}

/**
 * Make the first frame like those that follow. For the first, cytoscape draws all elements, in view or not, onto a layer
 * as large as the graph, which it throws away at the next change; in large graphs that took half of the first paint.
 */
function drawOnlyWhatIsInView(core: Core): void {
  const own = core as unknown as {
    renderer(): { data?: { lyrTxrCache?: { firstGet: boolean } } }; // not in cytoscape's types
  };
  const layers = own.renderer().data?.lyrTxrCache;
  if (layers) {
    layers.firstGet = false;
  }
}

function isInView(core: Core, node: NodeSingular): boolean {
  const { x1, y1, x2, y2 } = core.extent();
  const box = node.boundingBox();
  return box.x1 >= x1 && box.x2 <= x2 && box.y1 >= y1 && box.y2 <= y2;
}
