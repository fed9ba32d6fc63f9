/** The sockets of a card: a router's ways out, the typed ports of a Builder Studio node; and which of them edges join. */
import { CARD } from './card';
import { edgeId } from './elements';
import type { Doc, DocEdge, DocNode, Look } from './types';

/** A place at a card's side where edges end. `y` is its distance from the card's middle. */
export interface Socket {
  name: string;
  /** What flows through it; null for a way out that is chosen by name. */
  type: string | null;
  side: 'in' | 'out';
  y: number;
}

/** An edge as it is drawn: one for each pair of sockets between the same two nodes. */
export interface Course extends DocEdge {
  id: string;
  /** Which of several courses between the two nodes it is. */
  way?: Way;
  /** The sockets' distances from the middles of the cards; null where it ends at the card itself. */
  from: number | null;
  to: number | null;
}

/** The names of the sockets that an edge joins. */
export type Way = readonly [source: string | null, target: string | null];

/** How far a socket reaches out of the card: an arrow ends before it. */
export const SOCKET = 5;

/** What the unnamed way out is called. */
const OTHERWISE = 'otherwise';

const COLORS: Record<string, string> = {
  text: '#2563eb',
  image: '#9333ea',
  video: '#db2777',
  audio: '#ea580c',
  media: '#0d9488',
  context: '#64748b',
  boolean: '#16a34a'
};
const WIDEST = 18;

/** The sockets of a node; none for most. */
export function socketsOf(node: Pick<DocNode, 'routes'>, look: Partial<Look>): Socket[] {
  const ways = (node.routes ?? []).map(name => ({ name, type: null }));
  return [
    ...placed(look.inputs ?? [], 'in'),
    ...placed(ways.length ? ways : (look.outputs ?? []), 'out')
  ];
}

/** The sockets of all nodes that have any. */
export function socketsIn(doc: Doc): Map<string, Socket[]> {
  const found = new Map<string, Socket[]>();
  for (const node of doc.nodes) {
    const sockets = socketsOf(node, doc.looks[node.type] ?? {});
    if (sockets.length) {
      found.set(node.id, sockets);
    }
  }
  return found;
}

function placed(named: { name: string; type: string | null }[], side: 'in' | 'out'): Socket[] {
  const gap = Math.min(WIDEST, (CARD.height - 14) / Math.max(1, named.length - 1));
  return named.map(({ name, type }, i) => ({
    ...{ name, type, side },
    y: (i - (named.length - 1) / 2) * gap
  }));
}

/** The colour of what flows through a socket. */
export function socketColor(socket: Pick<Socket, 'type'>, otherwise: string): string {
  return socket.type === null ? otherwise : (COLORS[socket.type] ?? otherwise);
}

/** What a socket is called where it is shown. */
export function nameOf(socket: Pick<Socket, 'name'>): string {
  return socket.name || OTHERWISE;
}

/** The courses of an edge of a document. `socketsAt` gives the sockets of a node. */
export function coursesOf(edge: DocEdge, socketsAt: (nodeId: string) => Socket[]): Course[] {
  const ways: Way[] = edge.sockets ?? [];
  const height = (id: string, side: 'in' | 'out', name: string | null): number | null =>
    name === null
      ? null
      : (socketsAt(id).find(one => one.side === side && one.name === name)?.y ?? null);
  if (ways.length === 0) {
    return [{ ...edge, id: edgeId(edge), from: null, to: null }];
  }
  return ways.map(way => ({
    ...edge,
    id: ways.length > 1 ? edgeId(edge, way) : edgeId(edge),
    label: ways.length > 1 ? (way[0] ?? '') : edge.label,
    from: height(edge.source, 'out', way[0]),
    to: height(edge.target, 'in', way[1]),
    ...(ways.length > 1 ? { way } : {})
  }));
}
