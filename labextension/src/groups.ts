/**
 * Groups on the page: boxes behind the graph and titles above it, as elements of their own. Compound nodes of cytoscape
 * would be nodes to everything that walks the graph, and their boxes are computed anew with each move of a member.
 */
import { HALF_H, HALF_W } from './card';
import { element, OWN_KEYS, setText } from './dom';
import { idOf } from './elements';
import type { Graph } from './graph';
import type { DocGroup } from './types';

/** Room around the members, and above them for the title; those of the printed picture (`drawing/groups.py`). */
const PADDING = 22;
const HEADING = 28;
/** Below this zoom titles are left out: they would lie upon one another. */
const SMALLEST = 0.12;

/** A box in the graph. */
export interface Box {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

/** What titles do. */
export interface GroupActions {
  press: (group: DocGroup, event: PointerEvent) => void;
  open: (group: DocGroup) => void;
  menu: (group: DocGroup, event: MouseEvent) => void;
}

interface Drawn {
  group: DocGroup;
  back: HTMLElement;
  title: HTMLButtonElement;
  box: Box;
}

/** The groups of one graph. */
export class GroupLayer {
  /** Above the graph: titles, which take the pointer. */
  readonly front = element('div', 'jp-bj-group-titles');
  actions: Partial<GroupActions> = {};

  constructor(
    stage: HTMLElement,
    private readonly graph: Graph
  ) {
    stage.append(this.back);
    const { core } = graph;
    core.on('position', 'node', event => {
      const drawn = this.of.get(idOf(event.target as { id(): string }));
      if (drawn) {
        this.stale.add(drawn);
      }
    });
    core.on('render', this.draw);
    core.on('select unselect', 'node', this.tell);
  }

  /** The groups that are drawn. */
  get groups(): DocGroup[] {
    return [...this.drawn.values()].map(({ group }) => group);
  }

  /** The boxes of all groups, as their members stand now. */
  get boxes(): Box[] {
    this.measure();
    return [...this.drawn.values()].map(({ box }) => box);
  }

  /** Show other groups. */
  setGroups(groups: DocGroup[]): void {
    const wanted = new Set(groups.map(group => group.id));
    for (const [id, { back, title }] of this.drawn) {
      if (!wanted.has(id)) {
        back.remove();
        title.remove();
        this.drawn.delete(id);
      }
    }
    this.of.clear();
    for (const group of groups) {
      const drawn = this.drawn.get(group.id) ?? this.make(group);
      drawn.group = group;
      setText(drawn.title, group.title);
      const count = `${String(group.nodes.length)} ${group.nodes.length === 1 ? 'node' : 'nodes'}`;
      drawn.title.setAttribute('aria-label', `Group ${group.title}, ${count}`);
      for (const id of group.nodes) {
        this.of.set(id, drawn);
      }
      this.stale.add(drawn);
    }
    this.draw();
    this.mark();
    this.graph.core.emit('groups');
  }

  /** Where a group's title begins, in pixels of the stage. */
  titleAt(id: string): { x: number; y: number } | null {
    const box = this.drawn.get(id)?.box;
    const { core } = this.graph;
    const [zoom, pan] = [core.zoom(), core.pan()];
    return box
      ? { x: box.x1 * zoom + pan.x + 90, y: (box.y1 + HEADING / 2) * zoom + pan.y + 4 }
      : null;
  }

  /** Take everything off the page. */
  dispose(): void {
    this.back.remove();
    this.front.remove();
  }

  private readonly back = element('div', 'jp-bj-groups', { 'aria-hidden': 'true' });
  private readonly drawn = new Map<string, Drawn>();
  /** By member. */
  private readonly of = new Map<string, Drawn>();
  private readonly stale = new Set<Drawn>();
  private view = '';
  /** Whether a box has other measures than its title was placed by. */
  private hasMoved = false;
  private isTelling = false;

  private make(group: DocGroup): Drawn {
    const back = element('div', 'jp-bj-group');
    const title = element('button', 'jp-bj-group-title', { ...OWN_KEYS, type: 'button' });
    const drawn = { group, back, title, box: { x1: 0, y1: 0, x2: 0, y2: 0 } };
    title.addEventListener('pointerdown', event => {
      if (event.button === 0) {
        this.choose(drawn.group, event.shiftKey);
        this.actions.press?.(drawn.group, event);
      }
    });
    title.addEventListener('click', event => {
      if (event.detail === 0) {
        this.choose(drawn.group, false); // by keyboard
      }
    });
    title.addEventListener('dblclick', () => {
      this.actions.open?.(drawn.group);
    });
    title.addEventListener('contextmenu', event => {
      event.preventDefault();
      event.stopPropagation();
      this.choose(drawn.group, false);
      this.actions.menu?.(drawn.group, event);
    });
    this.back.append(back);
    this.front.append(title);
    this.drawn.set(group.id, drawn);
    return drawn;
  }

  private choose(group: DocGroup, isMore: boolean): void {
    this.graph.selectAll(isMore ? [...this.graph.selectedNodes, ...group.nodes] : group.nodes);
  }

  /** Together with cytoscape's own frame, so that box and members move as one. */
  private readonly draw = (): void => {
    if (!this.drawn.size) {
      return;
    }
    this.measure();
    const { core } = this.graph;
    const [zoom, pan] = [core.zoom(), core.pan()];
    const view = `translate(${String(pan.x)}px, ${String(pan.y)}px) scale(${String(zoom)})`;
    if (view === this.view && !this.hasMoved) {
      return;
    }
    this.view = view;
    this.hasMoved = false;
    this.back.style.transform = view;
    this.back.style.setProperty('--jp-bj-hair', `${String(1.25 / zoom)}px`);
    this.front.hidden = zoom < SMALLEST;
    for (const { title, box } of this.drawn.values()) {
      const scale = Math.min(1, Math.max(0.72, zoom));
      const x = box.x1 * zoom + pan.x + 6 * scale;
      const y = (box.y1 + HEADING) * zoom + pan.y;
      title.style.transform = `translate(${String(x)}px, ${String(y)}px) translateY(-100%) scale(${String(scale)})`;
      title.style.maxWidth = `${String(Math.max(40, ((box.x2 - box.x1) * zoom) / scale - 14))}px`;
    }
  };

  private measure(): void {
    for (const drawn of this.stale) {
      drawn.box = this.around(drawn.group);
      const { x1, y1, x2, y2 } = drawn.box;
      Object.assign(drawn.back.style, {
        transform: `translate(${String(x1)}px, ${String(y1)}px)`,
        width: `${String(x2 - x1)}px`,
        height: `${String(y2 - y1)}px`,
        // A smaller one lies before a larger one that it may be in.
        zIndex: String(Math.round(1e6 - Math.min(1e6, ((x2 - x1) * (y2 - y1)) / 1e4)))
      });
      this.hasMoved = true;
    }
    this.stale.clear();
  }

  private around(group: DocGroup): Box {
    const box = { x1: Infinity, y1: Infinity, x2: -Infinity, y2: -Infinity };
    for (const id of group.nodes) {
      const node = this.graph.node(id);
      if (node.nonempty()) {
        const { x, y } = node.position();
        box.x1 = Math.min(box.x1, x - HALF_W - PADDING);
        box.y1 = Math.min(box.y1, y - HALF_H - PADDING - HEADING);
        box.x2 = Math.max(box.x2, x + HALF_W + PADDING);
        box.y2 = Math.max(box.y2, y + HALF_H + PADDING);
      }
    }
    return box;
  }

  private readonly tell = (): void => {
    if (!this.isTelling && this.drawn.size) {
      this.isTelling = true;
      queueMicrotask(() => {
        this.isTelling = false;
        this.mark();
      });
    }
  };

  /** Show which groups are selected as a whole. */
  private mark(): void {
    const chosen = new Set(this.drawn.size ? this.graph.selectedNodes : []);
    for (const { group, back, title } of this.drawn.values()) {
      const isWhole = chosen.size > 0 && group.nodes.every(id => chosen.has(id));
      back.classList.toggle('jp-mod-selected', isWhole);
      title.setAttribute('aria-pressed', String(isWhole));
    }
  }
}
