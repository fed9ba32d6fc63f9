/**
 * How elements are drawn that are too small to read: cards as boxes, edges as lines, all of one look in one stroke.
 * Cytoscape draws one element after another, each through its cache; thousands take it longer than a frame.
 */
import type { BoundingBox12, Core, EdgeSingular, NodeSingular } from 'cytoscape';

import { CARD, HALF_H, HALF_W } from './card';
import { type Element, isSeen } from './detail';
import { FINDINGS, MARKS } from './marks';
import { lineColor, type Theme } from './theme';
import type { StepStatus } from './types';

type Draw = (
  context: CanvasRenderingContext2D,
  elements: Element[],
  ratio: number,
  extent?: BoundingBox12
) => void;

/** What cytoscape's renderer is asked to do and its types do not say. */
interface Renderer {
  drawLayeredElements: Draw;
  drawCachedElements: Draw;
}

interface Pen {
  color: string;
  width: number;
  /** On the screen it is no thinner than this, in pixels: what it says is to be seen from far away. */
  thinnest: number;
  alpha?: number;
}

const LINES = ['walked', 'dead'] as const;
const FOUND = ['has-error', 'has-warning'] as const;
type Name =
  StepStatus | (typeof LINES)[number] | (typeof FOUND)[number] | 'line' | 'barred' | 'chosen';

/**
 * Draw what is far ourselves, under what is near.
 *
 * Both ways to draw many are one from now on. The other, layers as large as the graph that are thrown away at each
 * change, took half of a large graph's first frame.
 */
export function drawFar(core: Core, isFar: (one: Element) => boolean, theme: () => Theme): void {
  const renderer = (core as unknown as { renderer(): Partial<Renderer> }).renderer();
  const drawNear = renderer.drawCachedElements?.bind(renderer);
  if (!drawNear) {
    return; // there is no renderer where there is no page
  }
  const draw: Draw = (context, elements, ratio, extent) => {
    const near: Element[] = [];
    const far = new Strokes(theme(), context.getTransform().a / ratio, extent);
    for (const element of elements) {
      if (!isFar(element)) {
        near.push(element);
      } else if (element.isNode()) {
        far.card(element);
      } else {
        far.edge(element);
      }
    }
    far.draw(context);
    drawNear(context, near, ratio, extent);
  };
  Object.assign(renderer, { drawLayeredElements: draw, drawCachedElements: draw });
}

/** What is to be drawn in one frame, by look. */
class Strokes {
  constructor(
    theme: Theme,
    private readonly zoom: number,
    private readonly extent?: BoundingBox12
  ) {
    const line = { color: lineColor(theme), width: 1.6, thinnest: 0.7 };
    const border = ({ color }: { color: string }) => ({ color, width: 3, thinnest: 1.2 });
    const statuses = Object.entries(MARKS).map(([status, mark]) => [status, border(mark)]);
    this.pens = {
      ...(Object.fromEntries(statuses) as Record<StepStatus, Pen>),
      line,
      dead: { ...line, alpha: 0.4 },
      walked: { color: MARKS.completed.color, width: 2.4, thinnest: 1 },
      'has-error': border({ color: FINDINGS.error }),
      'has-warning': border({ color: FINDINGS.warning }),
      barred: border(MARKS.error),
      chosen: { color: theme.accent, width: 6, thinnest: 2.5 }
    };
  }

  card(node: NodeSingular): void {
    const place = node.position();
    if (this.extent && !isSeen(this.extent, place)) {
      return;
    }
    const { x, y } = place;
    const box = [x - HALF_W, y - HALF_H, CARD.width, CARD.height] as const;
    pathOf(this.cards, node.data('color') as string).rect(...box);
    const border = borderOf(node);
    if (border) {
      pathOf(this.borders, border).rect(...box);
    }
  }

  edge(edge: EdgeSingular): void {
    const a = edge.source().position();
    const b = edge.target().position();
    if (!this.extent || isSeen(this.extent, a, b)) {
      const path = pathOf(this.lines, lineOf(edge));
      path.moveTo(a.x, a.y);
      path.lineTo(b.x, b.y);
    }
  }

  draw(context: CanvasRenderingContext2D): void {
    context.save();
    this.stroke(context, this.lines);
    for (const [color, path] of this.cards) {
      context.fillStyle = color;
      context.fill(path);
    }
    this.stroke(context, this.borders);
    context.restore();
  }

  private readonly pens: Record<Name, Pen>;
  private readonly lines = new Map<Name, Path2D>();
  private readonly cards = new Map<string, Path2D>();
  private readonly borders = new Map<Name, Path2D>();

  private stroke(context: CanvasRenderingContext2D, paths: Map<Name, Path2D>): void {
    for (const [name, path] of paths) {
      const { color, width, thinnest, alpha } = this.pens[name];
      context.globalAlpha = alpha ?? 1;
      context.strokeStyle = color;
      context.lineWidth = Math.max(width, thinnest / this.zoom);
      context.stroke(path);
    }
    context.globalAlpha = 1;
  }
}

function lineOf(edge: EdgeSingular): Name {
  return edge.selected() ? 'chosen' : (LINES.find(name => edge.hasClass(name)) ?? 'line');
}

/** The name of the pen for a card's border: what is being done with it before how it stands. */
function borderOf(node: NodeSingular): Name | null {
  if (node.selected() || node.hasClass('aim')) {
    return 'chosen';
  }
  if (node.hasClass('barred')) {
    return 'barred';
  }
  const status = node.data('status') as StepStatus | null;
  return status ?? FOUND.find(name => node.hasClass(name)) ?? null;
}

function pathOf<Key>(paths: Map<Key, Path2D>, name: Key): Path2D {
  let path = paths.get(name);
  if (!path) {
    path = new Path2D();
    paths.set(name, path);
  }
  return path;
}
