/** A workflow's own wire shape as an editor needs it: ids, the edges between two nodes, and changes made from them. */
import type { Way } from '../sockets';
import type { WireNode, WireWorkflow } from '../types';
import type { Change } from './host';

/**
 * The two nodes that a drawn edge joins, and the sockets where several edges are drawn between them. There may be
 * several edges of the workflow that are drawn as one.
 */
export type Pair = readonly [source: string, target: string, way?: Way];

export interface Point {
  x: number;
  y: number;
}

/** Whether it is a workflow of typed ports. */
export function isDirect(workflow: WireWorkflow): boolean {
  return workflow.dialect === 'direct';
}

/** What a node's id is called in this dialect. */
export function idKey(workflow: WireWorkflow): 'id' | 'clientId' {
  return isDirect(workflow) ? 'clientId' : 'id';
}

/** A node's id. */
export function idOf(workflow: WireWorkflow, node: WireNode): string {
  return String(node[idKey(workflow)]);
}

/** The node with an id; of several the first, as everywhere. */
export function nodeOf(workflow: WireWorkflow, id: string): WireNode | undefined {
  return workflow.nodes.find(node => idOf(workflow, node) === id);
}

/** All ids. */
export function idsOf(workflow: WireWorkflow): Set<string> {
  return new Set(workflow.nodes.map(node => idOf(workflow, node)));
}

/** A readable id that is not taken: `agent`, `agent_2`, …; it is taken from then on. */
export function freshId(wanted: string, taken: Set<string>): string {
  const base = wanted.replace(/[^\p{L}\p{N}]+/gu, '_').replace(/^_+|_+$/g, '') || 'node';
  let id = base;
  for (let number = 2; taken.has(id); number += 1) {
    id = `${base}_${number}`;
  }
  taken.add(id);
  return id;
}

/** An id without the number that made it unique. */
export function stemOf(id: string): string {
  return id.replace(/_\d+$/, '') || id;
}

/** Where the edges between two nodes stand in the list: those of the sockets, or all where none is of these. */
export function edgesBetween(workflow: WireWorkflow, [source, target, way]: Pair): number[] {
  const all = workflow.edges.flatMap((edge, index) =>
    edge.source === source && edge.target === target ? [index] : []
  );
  const own = way ? all.filter(index => leavesBy(workflow, index, way)) : all;
  return own.length ? own : all;
}

function leavesBy(workflow: WireWorkflow, index: number, [from, to]: Way): boolean {
  const edge = workflow.edges[index] ?? {};
  return isDirect(workflow)
    ? (edge.sourcePort ?? from) === from && (edge.targetPort ?? to) === to
    : (routeOf(edge) ?? '') === from;
}

/** The label by which an edge is chosen: the first that is not blank. */
export function routeOf(edge: Record<string, unknown>): string | null {
  const texts = [edge.label, edge.sourceHandle, edge.condition];
  const found = texts.find(text => typeof text === 'string' && text.trim() !== '');
  return typeof found === 'string' ? found : null;
}

/** The start nodes that must stay: a builder workflow has one, and it cannot be deleted. */
export function protectedNodes(workflow: WireWorkflow, ids: Iterable<string>): string[] {
  if (isDirect(workflow)) {
    return [];
  }
  const starts = workflow.nodes.filter(node => node.type === 'start');
  const chosen = new Set(ids);
  const left = starts.filter(node => !chosen.has(idOf(workflow, node)));
  const first = starts[0];
  return first && !left.length ? [idOf(workflow, first)] : [];
}

/** Changes that take away nodes with their edges, and edges. */
export function removal(workflow: WireWorkflow, nodes: string[], pairs: Pair[]): Change[] {
  const indices = pairs.flatMap(pair => edgesBetween(workflow, pair)).sort((a, b) => b - a);
  return [
    ...indices.map(index => ({ op: 'remove_edge', index })), // last first: each index stands until its turn
    ...nodes.map(node_id => ({ op: 'remove_node', node_id }))
  ];
}

/** Changes that put nodes elsewhere, to whole pixels. */
export function moves(places: Iterable<readonly [string, Point]>): Change[] {
  return [...places].map(([node_id, { x, y }]) => ({
    op: 'move_node',
    node_id,
    position: { x: Math.round(x), y: Math.round(y) }
  }));
}

/** The change that gives the edge between two nodes a label, or takes it away. */
export function labelling(workflow: WireWorkflow, pair: Pair, label: string): Change[] {
  const [index] = edgesBetween(workflow, pair);
  if (index === undefined) {
    throw new Error('This edge is gone.');
  }
  const edge = { ...workflow.edges[index], label };
  return [{ op: 'replace_edge', index, edge: label ? edge : { ...edge, label: undefined } }];
}

/** `1 node`, `3 nodes`, `1 node and 2 edges`. */
export function named(nodes: number, edges = 0): string {
  const of = (count: number, noun: string) =>
    count ? [`${count} ${noun}${count === 1 ? '' : 's'}`] : [];
  return [...of(nodes, 'node'), ...of(edges, 'edge')].join(' and ');
}
