/** The course of an edge as cytoscape wants it: control points by weight along, and distance from, the straight line. */
import { CARD, HALF_H, HALF_W } from './card';
import { SOCKET } from './sockets';

interface Point {
  x: number;
  y: number;
}

/** Where an edge leaves and arrives, relative to the nodes' centres, and how it bends between. */
export interface Curve {
  from: string;
  to: string;
  weights: number[];
  distances: number[];
}

/** The distances of the sockets from the middles of the cards; null where an edge ends at the card itself. */
export interface Heights {
  from: number | null;
  to: number | null;
}

const CARDS: Heights = { from: null, to: null };

/** The curve between two nodes: an S forwards, a detour below backwards, straight where one lies above the other. */
export function curveOf(source: Point, target: Point, { from, to }: Heights = CARDS): Curve {
  const dx = target.x - source.x;
  const dy = target.y - source.y;
  const leave: [number, number] = [HALF_W, from ?? 0];
  const arrive: [number, number] = to === null ? [-HALF_W, 0] : [-HALF_W - SOCKET, to];
  if (dx > CARD.width + 16) {
    return bent(source, target, leave, arrive, (a, b) => {
      const middle = (a.x + b.x) / 2;
      return [
        { x: middle, y: a.y },
        { x: middle, y: b.y }
      ];
    });
  }
  if (from !== null || to !== null) {
    return around(source, target, leave, arrive);
  }
  if (dx > -CARD.width && Math.abs(dy) > CARD.height + 16) {
    const side = Math.sign(dy) * HALF_H;
    return bent(source, target, [0, side], [0, -side], (a, b) => {
      const middle = (a.y + b.y) / 2;
      return [
        { x: a.x, y: middle },
        { x: b.x, y: middle }
      ];
    });
  }
  const low = Math.max(source.y, target.y) + HALF_H + 56;
  return bent(source, target, [28, HALF_H], [-28, HALF_H], (a, b) => [
    { x: a.x, y: low },
    { x: b.x, y: low }
  ]);
}

/** From the right side back to the left one: between the two cards where there is room, else below both. */
function around(
  source: Point,
  target: Point,
  leave: [number, number],
  arrive: [number, number]
): Curve {
  const dy = target.y - source.y;
  const lies =
    Math.abs(dy) > CARD.height + 40
      ? (source.y + target.y) / 2
      : Math.max(source.y, target.y) + HALF_H + 44;
  return bent(source, target, leave, arrive, (a, b) => [
    { x: a.x + 44, y: a.y },
    { x: a.x + 44, y: lies },
    { x: b.x - 44, y: lies },
    { x: b.x - 44, y: b.y }
  ]);
}

function bent(
  source: Point,
  target: Point,
  from: [number, number],
  to: [number, number],
  corners: (a: Point, b: Point) => Point[]
): Curve {
  const a = { x: source.x + from[0], y: source.y + from[1] };
  const b = { x: target.x + to[0], y: target.y + to[1] };
  const along = { x: b.x - a.x, y: b.y - a.y };
  const length = Math.hypot(along.x, along.y) || 1;
  const weights: number[] = [];
  const distances: number[] = [];
  for (const corner of corners(a, b)) {
    const off = { x: corner.x - a.x, y: corner.y - a.y };
    weights.push((off.x * along.x + off.y * along.y) / (length * length));
    distances.push((off.y * along.x - off.x * along.y) / length);
  }
  return { from: `${from[0]} ${from[1]}`, to: `${to[0]} ${to[1]}`, weights, distances };
}
