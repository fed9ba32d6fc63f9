/** Elements of cytoscape: their ids, collections, and what its types do not say. */
import type { Core, EdgeSingular, NodeCollection, NodeSingular } from 'cytoscape';

import type { Pair } from './editor/wire';
import type { Way } from './sockets';

/** The id that an element has in the workflow: on the page nodes and edges share one space of ids. */
export function idOf(node: { id(): string }): string {
  return node.id().slice(2);
}

/** Elements as one collection; cytoscape takes an array here, its types do not say so. */
export function union(core: Core, nodes: NodeSingular[]): NodeCollection {
  return core.collection(nodes as unknown as string);
}

/** The nodes that a drawn edge joins, and by which sockets where there are several edges between them. */
export function pairOf(edge: EdgeSingular): Pair {
  const [source, target] = [idOf(edge.source()), idOf(edge.target())];
  const way = edge.data('way') as Way | undefined;
  return way ? [source, target, way] : [source, target];
}

/** The id on the page of the edge between two nodes. */
export function edgeId(edge: { source: string; target: string }, way: Way | null = null): string {
  return `e:${JSON.stringify([edge.source, edge.target, ...(way ?? [])])}`;
}

/** Whether all of a node is in view. */
export function isInView(core: Core, node: NodeSingular): boolean {
  const { x1, y1, x2, y2 } = core.extent();
  const box = node.boundingBox();
  return box.x1 >= x1 && box.x2 <= x2 && box.y1 >= y1 && box.y2 <= y2;
}

/** The nearest node in a direction; null when there is none. What lies aside counts as further away. */
export function nearest(core: Core, from: NodeSingular, dx: number, dy: number): string | null {
  if (from.empty()) {
    return null;
  }
  const here = from.position();
  let best: { id: string; far: number } | null = null;
  for (const node of core.nodes()) {
    const x = node.position().x - here.x;
    const y = node.position().y - here.y;
    const ahead = x * dx + y * dy;
    const aside = Math.abs(x * dy) + Math.abs(y * dx);
    const far = ahead + 2 * aside;
    if (ahead > 1 && ahead > aside * 0.3 && (!best || far < best.far)) {
      best = { id: idOf(node), far };
    }
  }
  return best?.id ?? null;
}
