/** Nodes brought into line, or to the same distance from one another. All cards are of one size. */
import type { Point } from './wire';

type Places = Map<string, Point>;

/** The ways to align, as a menu names them; distributing needs three nodes to do anything. */
export const ALIGNMENTS: Record<string, { title: string; needs: number }> = {
  left: { title: 'Align left', needs: 2 },
  centre: { title: 'Align centres', needs: 2 },
  right: { title: 'Align right', needs: 2 },
  top: { title: 'Align top', needs: 2 },
  middle: { title: 'Align middles', needs: 2 },
  bottom: { title: 'Align bottom', needs: 2 },
  across: { title: 'Distribute across', needs: 3 },
  down: { title: 'Distribute down', needs: 3 }
};

/** Where the nodes go. */
export function aligned(places: Places, how: string): Places {
  const axis = ['left', 'centre', 'right', 'across'].includes(how) ? 'x' : 'y';
  const order = [...places].sort(([, a], [, b]) => a[axis] - b[axis]);
  const low = order[0]?.[1][axis] ?? 0;
  const high = order.at(-1)?.[1][axis] ?? 0;
  const step = (high - low) / Math.max(1, order.length - 1);
  const to = (rank: number): number => {
    if (how === 'across' || how === 'down') {
      return low + rank * step;
    }
    return how === 'left' || how === 'top'
      ? low
      : how === 'right' || how === 'bottom'
        ? high
        : (low + high) / 2;
  };
  return new Map(order.map(([id, place], rank) => [id, { ...place, [axis]: to(rank) }]));
}
