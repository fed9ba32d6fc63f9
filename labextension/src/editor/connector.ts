/**
 * Drawing edges: from a dot at the right of a node by mouse, or from the selected node by keys. While it goes on, a line
 * follows the pointer, and the node under it says whether it can be the end.
 */
import { CARD } from '../card';
import { element } from '../dom';
import type { Graph } from '../graph';
import { Places } from './places';
import type { Surface } from './surface';
import type { Point } from './wire';

/** What comes of a line. */
export interface Ends {
  /** Whether anything may follow a node. */
  canLeave(id: string): boolean;
  /** Why two nodes cannot be joined; null when they can. */
  refusal(source: string, target: string): string | null;
  connect(source: string, target: string): void;
  /** The line ended on no node, at a point of the page. */
  offer(source: string, at: Point): void;
  say(text: string, kind: 'problem' | 'hint'): void;
}

const SVG = 'http://www.w3.org/2000/svg';
const LEAVES_MS = 350;
const SMALLEST_ZOOM = 0.2;
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
  readonly dot = element('div', 'jp-bj-dot', { title: 'Drag to connect', 'aria-hidden': 'true' });
  readonly sheet = document.createElementNS(SVG, 'svg');

  constructor(
    private readonly surface: Surface,
    private readonly ends: Ends
  ) {
    const { graph } = surface;
    this.graph = graph;
    this.sheet.classList.add('jp-bj-rubber');
    this.sheet.append(this.line);
    this.dot.hidden = true;
    this.sheet.style.display = 'none';
    const { core } = this.graph;
    core.on('mouseover', 'node', event => {
      this.hover(graph.idOf(event.target as { id(): string }));
    });
    core.on('mouseout', 'node', () => {
      this.hover(null);
    });
    core.on('select unselect remove', 'node', () => {
      this.place();
    });
    core.on('pan zoom resize', () => {
      this.place();
    });
    core.on('position', 'node', event => {
      if (graph.idOf(event.target as { id(): string }) === this.shown) {
        this.place();
      }
    });
    this.dot.addEventListener('pointerenter', () => {
      clearTimeout(this.leaving);
    });
    this.dot.addEventListener('pointerleave', () => {
      this.hover(null);
    });
    this.dot.addEventListener('pointerdown', event => {
      if (event.button === 0 && this.shown !== null) {
        event.preventDefault();
        event.stopPropagation();
        this.draw(this.shown, event);
      }
    });
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
    this.isByKeys = true;
    const near = [STEPS.ArrowRight, STEPS.ArrowDown, STEPS.ArrowLeft, STEPS.ArrowUp]
      .map(step => (step ? this.graph.nearest(source, ...step) : null))
      .filter(id => id !== null);
    this.aim(near.find(id => this.ends.refusal(source, id) === null) ?? near[0] ?? null);
    this.ends.say('Arrow keys choose where it leads, Enter connects, Escape leaves.', 'hint');
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
    } else if (key === 'Enter') {
      this.finish();
    } else if (key === 'Escape' || key === 'c' || key === 'C') {
      this.stop();
    }
  }

  /** Give the line up. */
  stop(): void {
    this.aim(null);
    this.source = null;
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

  /** Put the dot beside the node under the pointer, or the one that is selected. */
  place(): void {
    const { graph } = this;
    const id = this.source ?? this.hovered ?? graph.selected;
    const node = id === null ? null : graph.node(id);
    const isShown =
      !!node?.nonempty() &&
      id !== null &&
      !this.isByKeys &&
      graph.core.zoom() > SMALLEST_ZOOM &&
      this.ends.canLeave(id);
    this.shown = isShown ? id : null;
    this.dot.hidden = !isShown;
    if (isShown) {
      const { x, y } = this.edgeOf(id, 1);
      this.dot.style.transform = `translate(${x}px, ${y}px)`;
    }
    if (this.isByKeys) {
      this.follow(null);
    }
  }

  private readonly graph: Graph;
  private readonly line = document.createElementNS(SVG, 'path');
  private shown: string | null = null;
  private hovered: string | null = null;
  private leaving: ReturnType<typeof setTimeout> | undefined;
  private source: string | null = null;
  private target: string | null = null;
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

  private draw(source: string, press: PointerEvent): void {
    this.source = source;
    const places = new Places(this.surface.places());
    let hasLeft = false;
    const onMove = (event: PointerEvent): void => {
      const far = Math.hypot(event.clientX - press.clientX, event.clientY - press.clientY);
      hasLeft ||= far > CARD.height * this.graph.core.zoom() || far > CARD.height;
      const under = places.at(this.surface.modelAt({ x: event.clientX, y: event.clientY }));
      this.aim(under === source && !hasLeft ? null : under);
      this.follow({ x: event.clientX, y: event.clientY });
    };
    const onUp = (event: PointerEvent): void => {
      const far = Math.hypot(event.clientX - press.clientX, event.clientY - press.clientY);
      const isOver = this.surface.contains({ x: event.clientX, y: event.clientY });
      if (this.target !== null) {
        this.finish();
      } else {
        this.stop();
        if (far > SLACK && isOver) {
          this.ends.offer(source, { x: event.clientX, y: event.clientY });
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

  private aim(id: string | null): void {
    if (id !== this.target) {
      this.surface.mark(this.target, '');
      this.target = id;
      this.refused = id === null ? null : this.ends.refusal(this.source ?? '', id);
      this.surface.mark(id, this.refused === null ? 'aim' : 'barred');
    }
    if (this.isByKeys) {
      this.follow(null);
    }
  }

  private finish(): void {
    const { source, target, refused } = this;
    this.stop();
    if (source !== null && target !== null) {
      if (refused === null) {
        this.ends.connect(source, target);
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
    const from = this.edgeOf(this.source, 1);
    const to =
      this.target !== null ? this.edgeOf(this.target, -1) : this.surface.inStage(pointer ?? from);
    const bow = Math.max(30, Math.abs(to.x - from.x) / 2);
    this.line.setAttribute(
      'd',
      `M${from.x} ${from.y}C${from.x + bow} ${from.y} ${to.x - bow} ${to.y} ${to.x} ${to.y}`
    );
    this.sheet.classList.toggle('jp-mod-barred', this.refused !== null);
    this.sheet.style.display = '';
  }

  /** The middle of a card's right (1) or left (-1) side, in pixels of the stage. */
  private edgeOf(id: string, side: 1 | -1): Point {
    const { core } = this.graph;
    const { x, y } = this.graph.node(id).renderedPosition();
    return { x: x + (side * CARD.width * core.zoom()) / 2, y };
  }
}
