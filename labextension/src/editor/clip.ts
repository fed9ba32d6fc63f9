/** A piece of a workflow on the clipboard: JSON with a mark of our own, pasted under new ids. */
import type { DocGroup, WireNode, WireWorkflow } from '../types';
import { copies } from './grouping';
import type { Change } from './host';
import { freshId, idKey, idOf, idsOf, isDirect, type Point, stemOf } from './wire';

/** Beside plain text, so that what is copied here is told from other text. */
export const CLIP_MIME = 'application/vnd.builder.selection.v1+json';

/** Nodes, with where they are drawn, and the edges among them. */
export interface Clip {
  type: typeof CLIP_MIME;
  dialect: 'builder' | 'direct';
  nodes: WireNode[];
  edges: Record<string, unknown>[];
  /** The groups that are copied whole. */
  groups?: DocGroup[];
}

/** What pasting comes to. */
export interface Pasted {
  changes: Change[];
  ids: string[];
}

/** Take nodes and the edges among them; null when there are none. `placeOf` says where a node is drawn. */
export function clipOf(
  workflow: WireWorkflow,
  ids: Iterable<string>,
  placeOf: (id: string) => Point,
  groups: DocGroup[] = []
): Clip | null {
  const chosen = new Set(ids);
  const nodes = workflow.nodes
    .filter(node => chosen.has(idOf(workflow, node)))
    .map(node => ({ ...node, position: placeOf(idOf(workflow, node)) }));
  const edges = workflow.edges.filter(
    edge => chosen.has(String(edge.source)) && chosen.has(String(edge.target))
  );
  const dialect = isDirect(workflow) ? 'direct' : 'builder';
  const whole = groups.filter(group => group.nodes.every(id => chosen.has(id)));
  const more = whole.length ? { groups: whole } : {};
  return nodes.length ? { type: CLIP_MIME, dialect, nodes, edges, ...more } : null;
}

/** Read what is on the clipboard; null when it is none of ours. */
export function readClip(text: string): Clip | null {
  try {
    const clip = JSON.parse(text) as Partial<Clip> | null;
    const isOurs =
      clip?.type === CLIP_MIME &&
      areObjects(clip.nodes) &&
      areObjects(clip.edges) &&
      (clip.groups === undefined || areGroups(clip.groups));
    return isOurs ? (clip as Clip) : null;
  } catch {
    return null; // any other text
  }
}

function areObjects(list: unknown): boolean {
  return Array.isArray(list) && list.every(one => typeof one === 'object' && one !== null);
}

/** Text from the clipboard may be anybody's. */
function areGroups(list: unknown): boolean {
  return (
    areObjects(list) &&
    (list as Partial<DocGroup>[]).every(
      ({ title, nodes }) => typeof title === 'string' && Array.isArray(nodes)
    )
  );
}

/** Put a piece in under new ids, its middle at a point. The second start of a workflow stays out. */
export function pasting(
  workflow: WireWorkflow,
  clip: Clip,
  at: Point,
  groups: DocGroup[] = []
): Pasted {
  const key = idKey(workflow);
  if (clip.dialect !== (isDirect(workflow) ? 'direct' : 'builder')) {
    throw new Error('What was copied is from the other kind of workflow.');
  }
  const taken = idsOf(workflow);
  const hasStart = workflow.nodes.some(node => node.type === 'start');
  const nodes = clip.nodes.filter(node => key === 'clientId' || node.type !== 'start' || !hasStart);
  const middle = middleOf(nodes.map(placeOf));
  const renamed = new Map(
    nodes.map(node => [String(node[key]), freshId(stemOf(String(node[key])), taken)])
  );
  const changes: Change[] = nodes.map(node => {
    const place = placeOf(node);
    const position = { x: at.x + place.x - middle.x, y: at.y + place.y - middle.y };
    return {
      op: 'add_node',
      node: { ...node, [key]: renamed.get(String(node[key])), position: rounded(position) }
    };
  });
  for (const copied of clip.edges) {
    const edge = { ...copied };
    delete edge.id;
    const [source, target] = [renamed.get(String(edge.source)), renamed.get(String(edge.target))];
    if (source !== undefined && target !== undefined) {
      changes.push({ op: 'add_edge', edge: { ...edge, source, target } });
    }
  }
  changes.push(...copies(groups, clip.groups ?? [], renamed));
  return { changes, ids: [...renamed.values()] };
}

/** The middle of the box around points. */
export function middleOf(points: Point[]): Point {
  const of = (values: number[]) => (Math.min(...values) + Math.max(...values)) / 2;
  return { x: of(points.map(point => point.x)), y: of(points.map(point => point.y)) };
}

/** Where a node was; text from the clipboard may be anybody's. */
function placeOf(node: WireNode): Point {
  const { x, y } = (node.position ?? {}) as Partial<Point>;
  return { x: Number.isFinite(x) ? Number(x) : 0, y: Number.isFinite(y) ? Number(y) : 0 };
}

function rounded({ x, y }: Point): Point {
  return { x: Math.round(x), y: Math.round(y) };
}
