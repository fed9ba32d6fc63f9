/** Which nodes may be joined, by which ports, and why not. Source: langgraph-builder §4, builder-studio §8.1. */
import type { WireNode, WireWorkflow } from '../types';
import type { NodeKind, Port } from './host';
import { edgesBetween, isDirect, nodeOf } from './wire';

/** What an output of a type may feed besides its own type. */
const FEEDS: Record<string, string[]> = {
  text: ['context'],
  image: ['media', 'context'],
  video: ['media', 'context'],
  audio: ['media', 'context'],
  media: ['context']
};

/** The nodes that may lead to themselves: a person who is asked again is a loop that can end. */
const MAY_REPEAT = new Set(['human']);

/** An edge that can be made, or the reason why it cannot. */
export type Joined =
  { edge: Record<string, unknown>; refused: null } | { edge: null; refused: string };

/** Join two nodes. */
export function join(
  workflow: WireWorkflow,
  catalogue: NodeKind[],
  source: string,
  target: string
): Joined {
  const [from, to] = [nodeOf(workflow, source), nodeOf(workflow, target)];
  if (!from || !to) {
    return refuse('One of the two nodes is gone.');
  }
  const kind = (node: WireNode) => catalogue.find(one => one.type === node.type);
  return isDirect(workflow)
    ? byPorts(workflow, [source, target], kind(from), kind(to))
    : byRules(workflow, [source, target], from, to);
}

function byRules(
  workflow: WireWorkflow,
  [source, target]: [string, string],
  from: WireNode,
  to: WireNode
): Joined {
  if (source === target && !MAY_REPEAT.has(from.type)) {
    return refuse(`${source} cannot lead to itself: such a loop never ends.`);
  }
  if (to.type === 'start') {
    return refuse('Nothing can lead into a start.');
  }
  if (from.type === 'end') {
    return refuse('Nothing can follow an end.');
  }
  if (edgesBetween(workflow, [source, target]).length) {
    return refuse(`${source} leads to ${target} already.`);
  }
  const label = unusedRoute(workflow, source, from);
  return { edge: { source, target, ...(label === null ? {} : { label }) }, refused: null };
}

function byPorts(
  workflow: WireWorkflow,
  [source, target]: [string, string],
  from: NodeKind | undefined,
  to: NodeKind | undefined
): Joined {
  if (source === target) {
    return refuse(`${source} cannot feed itself.`);
  }
  if (!from || !to) {
    return edgesBetween(workflow, [source, target]).length
      ? refuse(`${source} feeds ${target} already.`)
      : { edge: { source, target }, refused: null };
  }
  const fitting = from.outputs.flatMap(output =>
    to.inputs.filter(input => feeds(output.type, input.type)).map(input => [output, input] as const)
  );
  if (!fitting.length) {
    return refuse(`${typesOf(from.outputs)} cannot feed ${typesOf(to.inputs)}.`);
  }
  const there = new Set(
    edgesBetween(workflow, [source, target]).map(index => {
      const edge = workflow.edges[index];
      return `${String(edge?.sourcePort)} ${String(edge?.targetPort)}`;
    })
  );
  const open = fitting.filter(([output, input]) => !there.has(`${output.name} ${input.name}`));
  const fed = new Set(
    workflow.edges.filter(edge => edge.target === target).map(edge => edge.targetPort)
  );
  const best = open.find(([, input]) => !fed.has(input.name)) ?? open.find(([, i]) => i.multiple);
  const chosen = best ?? (there.size ? undefined : open[0]);
  if (!chosen) {
    return refuse(`${source} feeds ${target} already.`);
  }
  const [{ name: sourcePort }, { name: targetPort }] = chosen;
  return { edge: { source, sourcePort, target, targetPort }, refused: null };
}

/** Whether an output of one type may enter an input of another. */
export function feeds(output: string, input: string): boolean {
  return output === input || (FEEDS[output]?.includes(input) ?? false);
}

/** The first route of a router or a person that no edge takes yet. */
function unusedRoute(workflow: WireWorkflow, source: string, node: WireNode): string | null {
  const { conditions, options } = node.data ?? {};
  const routes = [conditions, options].flatMap((list): unknown[] =>
    Array.isArray(list) ? list : []
  );
  const taken = new Set(
    workflow.edges
      .filter(edge => edge.source === source)
      .map(edge => edge.label ?? edge.sourceHandle ?? edge.condition)
  );
  const labels = routes.map((route: unknown) =>
    typeof route === 'object' && route !== null ? (route as { label?: unknown }).label : route
  );
  const free = labels.find(label => typeof label === 'string' && label && !taken.has(label));
  return typeof free === 'string' ? free : null;
}

function typesOf(ports: Port[]): string {
  return [...new Set(ports.map(port => port.type))].sort().join(' or ') || 'nothing';
}

function refuse(reason: string): Joined {
  return { edge: null, refused: reason };
}
