/** Elements as cytoscape takes them; edges brought up to date, and bent when a node moves. */
import type { EdgeSingular, ElementDefinition, Position } from 'cytoscape';

import { curveOf, type Heights } from './curves';
import { mark } from './detail';
import type { Course } from './sockets';
import type { DocNode } from './types';

const ORIGIN: Position = { x: 0, y: 0 };

/** A node as cytoscape takes it. */
export function nodeElement(node: DocNode, data: Record<string, unknown>): ElementDefinition {
  const { id, x, y } = node;
  return { group: 'nodes', data: { id: `n:${id}`, ...data }, position: { x, y } };
}

/** An edge as cytoscape takes it; `places` are those of the nodes. */
export function edgeElement(
  course: Course,
  places: Map<string, Position>,
  selectable: boolean
): ElementDefinition {
  const { id, source, target, label, from, to, way } = course;
  const curve = curveOf(places.get(source) ?? ORIGIN, places.get(target) ?? ORIGIN, course);
  const ends = { source: `n:${source}`, target: `n:${target}` };
  return { group: 'edges', selectable, data: { id, ...ends, label, from, to, way, curve } };
}

/** Bring an edge up to date. */
export function changeEdge(edge: EdgeSingular, course: Course | undefined): void {
  const label = course?.label ?? '';
  if (edge.data('label') !== label) {
    edge.data('label', label);
  }
  const [from, to] = [course?.from ?? null, course?.to ?? null];
  if (edge.data('from') !== from || edge.data('to') !== to) {
    edge.data({ from, to });
    bendEdge(edge);
  }
  mark(edge, 'unsure', false);
}

/** Let an edge follow the nodes that it joins. */
export function bendEdge(edge: EdgeSingular): void {
  const heights = edge.data() as Heights;
  edge.data('curve', curveOf(edge.source().position(), edge.target().position(), heights));
}
