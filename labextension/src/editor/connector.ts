/**
 * Drawing edges: from a dot at the right of a node by mouse, or from the selected node by keys. While it goes on, a line
 * follows the pointer, and the node or the socket under it says whether it can be the end.
 */
import { CARD, HALF_W } from '../card';
import type { Graph } from '../graph';
import type { Socket } from '../sockets';
import { type Handle, Handles } from './handles';
import type { Chosen } from './joining';
import { Places } from './places';
import type { Surface } from './surface';
import type { Point } from './wire';

/** What comes of a line. */
export interface Ends {
  /** Whether anything may follow a node. */
  canLeave(id: string): boolean;
  /** Why two nodes cannot be joined; null when they can. */
  refusal(source: string, target: string, chosen: Chosen): string | null;
  /** The input at which an edge would arrive; null where that is the node itself. */
  arrival(source: string, target: string, chosen: Chosen): string | null;
  connect(source: string, target: string, chosen: Chosen): void;
  /** The line ended on no node, at a point of the page; `way` is the socket that it left. */
  offer(source: string, at: Point, way: string | null): void;
  say(text: string, kind: 'problem' | 'hint'): void;
}

const SVG = 'http://www.w3.org/2000/svg';
const LEAVES_MS = 350;
const SMALLEST_ZOOM = 0.2;
/** Below this zoom the names of sockets would lie upon one another. */
const NAMES_ZOOM = 0.55;
/** How far the pointer goes before a press on the dot is a line and not a click. */
const SLACK = 6;
const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1]
};

/** The lines of one graph, one at a time. */
export class Connector {
  readonly sheet = document.createElementNS(SVG, 'svg');

  constructor(
    private readonly surface: Surface,
    private readonly ends: Ends
  ) {
    const { graph } = surface;
    this.graph = graph;
    this.sheet.classList.add('jp-bj-rubber');
    this.sheet.append(this.line);
    this.sheet.style.display = 'none';
    const { core } = this.graph;
    core.on('mouseover', 'node', event => {
      this.hover(graph.idOf(event.target as { id(): string }));
    });
    core.on('mouseout', 'node', () => {
      this.hover(null);
    });
    // Cytoscape hears nothing more of a pointer that leaves by way of a node.
    core.container()?.addEventListener('pointerleave', () => {
      this.hover(null);
    });
    core.on('select unselect remove', 'node', () => {
      this.place();
    });
    core.on('pan zoom resize', () => {
      this.place();
    });
    core.on('position', 'node', event => {
      if (graph.idOf(event.target as { id(): string }) === this.about) {
        this.place();
      }
    });
    this.handles.onEnter = () => {
      this.hover(this.about);
    };
    this.handles.onLeave = () => {
      this.hover(null);
    };
    this.handles.onPress = ({ nodeId, socket }, event) => {
      this.draw(nodeId, socket?.name ?? null, event);
    };
  }

  /** The dots to take hold of. */
  get node(): HTMLElement {
    return this.handles.node;
  }

  /** Whether an end is being looked for with keys. */
  get usesKeys(): boolean {
    return this.isByKeys;
  }

  /** Look for an end with keys. */
  begin(source: string): void {
    if (!this.ends.canLeave(source)) {
      this.ends.say('Nothing can follow this node.', 'problem');
      return;
    }
    this.source = source;
    this.way = null;
    this.isByKeys = true;
    const near = [STEPS.ArrowRight, STEPS.ArrowDown, STEPS.ArrowLeft, STEPS.ArrowUp]
      .map(step => (step ? this.graph.nearest(source, ...step) : null))
      .filter(id => id !== null);
    this.aim(near.find(id => this.ends.refusal(source, id, {}) === null) ?? near[0] ?? null);
    const ways = this.outs(source).length ? ' Tab the way out,' : '';
    this.ends.say(
      `Arrow keys choose where it leads,${ways} Enter connects, Escape leaves.`,
      'hint'
    );
  }

  /** A key while an end is being looked for. */
  press(key: string): void {
    const step = STEPS[key];
    if (step) {
      const next = this.graph.nearest(this.target ?? this.source ?? '', ...step);
      if (next !== null) {
        this.aim(next);
        this.graph.reveal(next);
      }
    } else if (key === 'Tab') {
      const names = [null, ...this.outs(this.source ?? '').map(one => one.name)];
      this.way = names[(names.indexOf(this.way) + 1) % names.length] ?? null;
      const { target } = this;
      this.aim(null);
      this.aim(target);
      this.place();
    } else if (key === 'Enter') {
      this.finish();
    } else if (key === 'Escape' || key === 'c' || key === 'C') {
      this.stop();
    }
  }

  /** Give the line up. */
  stop(): void {
    this.aim(null);
    this.source = this.way = null;
    this.sheet.style.display = 'none';
    this.end?.();
    this.end = null;
    if (this.isByKeys) {
      this.isByKeys = false;
      this.ends.say('', 'hint');
    }
    this.place();
  }

  /** Whatever is going on, it does not outlive the graph. */
  dispose(): void {
    clearTimeout(this.leaving);
    this.end?.();
  }

  /** Put the dots beside the node under the pointer, or the one that is selected; names would cover that one's lines. */
  place(): void {
    const { graph } = this;
    const id = this.source ?? this.hovered ?? graph.selected;
    const zoom = graph.core.zoom();
    const isShown = id !== null && graph.node(id).nonempty() && zoom > SMALLEST_ZOOM;
    this.about = isShown ? id : null;
    const takes = this.target ?? (this.source === null ? this.about : null);
    this.handles.show(
      [...(isShown ? this.outlets(id) : []), ...(takes === null ? [] : this.inlets(takes))],
      zoom > NAMES_ZOOM && (this.hovered ?? this.source) !== null
    );
    if (this.isByKeys) {
      this.follow(null);
    }
  }

  private readonly graph: Graph;
  private readonly line = document.createElementNS(SVG, 'path');
  private readonly handles = new Handles();
  /** The node whose dots are shown. */
  private about: string | null = null;
  private hovered: string | null = null;
  private leaving: ReturnType<typeof setTimeout> | undefined;
  private source: string | null = null;
  /** The socket that the line leaves; null where it is to be found. */
  private way: string | null = null;
  private target: string | null = null;
  /** The input under the pointer, and the one that the line has snapped to. */
  private port: string | null = null;
  private arrives: string | null = null;
  private refused: string | null = null;
  private isByKeys = false;
  private end: (() => void) | null = null;

  private hover(id: string | null): void {
    clearTimeout(this.leaving);
    if (this.source !== null) {
      return;
    }
    if (id === null) {
      this.leaving = setTimeout(() => {
        this.hovered = null;
        this.place();
      }, LEAVES_MS);
    } else if (id !== this.hovered) {
      this.hovered = id;
      this.place();
    }
  }

  private outs(id: string): Socket[] {
    return this.graph.socketsAt(id).filter(one => one.side === 'out');
  }

  private outlets(id: string): Handle[] {
    if (!this.ends.canLeave(id)) {
      return [];
    }
    const outs = this.outs(id);
    if (!outs.length) {
      return this.isByKeys ? [] : [{ nodeId: id, socket: null, at: this.placeOf(id, 'out', null) }];
    }
    return outs.map(socket => ({
      ...{ nodeId: id, socket, at: this.placeOf(id, 'out', socket.name) },
      isChosen: this.source !== null && socket.name === this.way
    }));
  }

  private inlets(id: string): Handle[] {
    const ins = this.graph.socketsAt(id).filter(one => one.side === 'in');
    return ins.map(socket => ({
      ...{ nodeId: id, socket, at: this.placeOf(id, 'in', socket.name) },
      isChosen: this.source !== null && socket.name === (this.port ?? this.arrives)
    }));
  }

  /** The input of a node that a point of the page is at; null when it is at none. */
  private portAt(id: string, pointer: Point): string | null {
    const here = this.surface.inStage(pointer);
    const reach = Math.max(9, 14 * this.graph.core.zoom());
    let best: { name: string; far: number } | null = null;
    for (const { socket, at } of this.inlets(id)) {
      const far = Math.hypot((at.x - here.x) / 2, at.y - here.y); // the names at its left count, too
      if (socket && far < reach && (!best || far < best.far)) {
        best = { name: socket.name, far };
      }
    }
    return best?.name ?? null;
  }

  private draw(source: string, way: string | null, press: PointerEvent): void {
    this.source = source;
    this.way = way;
    const places = new Places(this.surface.places());
    let hasLeft = false;
    const onMove = (event: PointerEvent): void => {
      const far = Math.hypot(event.clientX - press.clientX, event.clientY - press.clientY);
      hasLeft ||= far > CARD.height * this.graph.core.zoom() || far > CARD.height;
      const under = places.at(this.surface.modelAt({ x: event.clientX, y: event.clientY }));
      const target = under === source && !hasLeft ? null : under;
      const pointer = { x: event.clientX, y: event.clientY };
      this.aim(target, target === null ? null : this.portAt(target, pointer));
      this.follow(pointer);
    };
    const onUp = (event: PointerEvent): void => {
      const far = Math.hypot(event.clientX - press.clientX, event.clientY - press.clientY);
      const isOver = this.surface.contains({ x: event.clientX, y: event.clientY });
      if (this.target !== null) {
        this.finish();
      } else {
        this.stop();
        if (far > SLACK && isOver) {
          this.ends.offer(source, { x: event.clientX, y: event.clientY }, way);
        }
      }
    };
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        this.stop();
      }
    };
    const onCancel = (): void => {
      this.stop();
    };
    window.addEventListener('pointermove', onMove);
    window.addEventListener('pointerup', onUp);
    window.addEventListener('pointercancel', onCancel);
    window.addEventListener('keydown', onKey, true);
    this.end = () => {
      window.removeEventListener('pointermove', onMove);
      window.removeEventListener('pointerup', onUp);
      window.removeEventListener('pointercancel', onCancel);
      window.removeEventListener('keydown', onKey, true);
    };
  }

  private aim(id: string | null, port: string | null = null): void {
    if (id !== this.target || port !== this.port) {
      const { source, way } = this;
      const chosen = { source: way, target: port };
      this.surface.mark(this.target, '');
      this.target = id;
      this.port = port;
      this.refused = id === null ? null : this.ends.refusal(source ?? '', id, chosen);
      this.arrives =
        id === null || this.refused !== null ? port : this.ends.arrival(source ?? '', id, chosen);
      this.surface.mark(id, this.refused === null ? 'aim' : 'barred');
      this.place();
    }
    if (this.isByKeys) {
      this.follow(null);
    }
  }

  private finish(): void {
    const { source, target, refused, way, port } = this;
    this.stop();
    if (source !== null && target !== null) {
      if (refused === null) {
        this.ends.connect(source, target, { source: way, target: port });
      } else {
        this.ends.say(refused, 'problem');
      }
    }
  }

  /** Draw the line to the node it has snapped to, else to a point of the page. */
  private follow(pointer: Point | null): void {
    if (this.source === null || (this.target === null && pointer === null)) {
      this.sheet.style.display = 'none';
      return;
    }
    const from = this.placeOf(this.source, 'out', this.way);
    const to =
      this.target !== null
        ? this.placeOf(this.target, 'in', this.arrives)
        : this.surface.inStage(pointer ?? from);
    const bow = Math.max(30, Math.abs(to.x - from.x) / 2);
    this.line.setAttribute(
      'd',
      `M${from.x} ${from.y}C${from.x + bow} ${from.y} ${to.x - bow} ${to.y} ${to.x} ${to.y}`
    );
    this.sheet.classList.toggle('jp-mod-barred', this.refused !== null);
    this.sheet.style.display = '';
  }

  /** A socket, or the middle of a card's side, in pixels of the stage. */
  private placeOf(id: string, side: 'in' | 'out', name: string | null): Point {
    const zoom = this.graph.core.zoom();
    const { x, y } = this.graph.node(id).renderedPosition();
    const socket = this.graph.socketsAt(id).find(one => one.side === side && one.name === name);
    const reach = HALF_W * zoom;
    return { x: side === 'out' ? x + reach : x - reach, y: y + (socket?.y ?? 0) * zoom };
  }
}
