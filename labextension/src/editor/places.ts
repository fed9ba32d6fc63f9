/** Which card lies at a point, without looking at all of them: cards sorted into squares once for each gesture. */
import { CARD } from '../card';
import type { Point } from './wire';

const SQUARE = 256;
/** How near to a card counts as on it, in pixels of the graph. */
const REACH = 14;

/** The cards of a graph by place. */
export class Places {
  constructor(places: Iterable<readonly [string, Point]>) {
    for (const [id, place] of places) {
      const [left, top] = [place.x - HALF_W, place.y - HALF_H];
      for (let x = square(left); x <= square(left + 2 * HALF_W); x += 1) {
        for (let y = square(top); y <= square(top + 2 * HALF_H); y += 1) {
          const key = `${x} ${y}`;
          const there = this.squares.get(key);
          if (there) {
            there.push({ id, place });
          } else {
            this.squares.set(key, [{ id, place }]);
          }
        }
      }
    }
  }

  /** The card at a point, the nearest of several; null when there is none. */
  at({ x, y }: Point): string | null {
    let best: { id: string; far: number } | null = null;
    for (const { id, place } of this.squares.get(`${square(x)} ${square(y)}`) ?? []) {
      const [dx, dy] = [Math.abs(place.x - x), Math.abs(place.y - y)];
      const far = dx / HALF_W + dy / HALF_H;
      if (dx <= HALF_W && dy <= HALF_H && (!best || far < best.far)) {
        best = { id, far };
      }
    }
    return best?.id ?? null;
  }

  private readonly squares = new Map<string, { id: string; place: Point }[]>();
}

const HALF_W = CARD.width / 2 + REACH;
const HALF_H = CARD.height / 2 + REACH;

function square(value: number): number {
  return Math.floor(value / SQUARE);
}
