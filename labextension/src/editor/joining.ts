/** Which nodes may be joined, by which ports, and why not. Source: langgraph-builder §4, builder-studio §8.1. */
import { nameOf } from '../sockets';
import type { WireNode, WireWorkflow } from '../types';
import type { NodeKind, Port } from './host';
import { edgesBetween, isDirect, nodeOf, type Pair, routeOf } from './wire';

/** The nodes that may lead to themselves: a person who is asked again is a loop that can end. */
const MAY_REPEAT = new Set(['human']);

/** The sockets that somebody has chosen by name; the others are found. */
export interface Chosen {
  source?: string | null;
  target?: string | null;
}

/** An edge that can be made, or the reason why it cannot. */
export type Joined =
  { edge: Record<string, unknown>; refused: null } | { edge: null; refused: string };

/** Join two nodes. */
export function join(
  workflow: WireWorkflow,
  catalogue: NodeKind[],
  source: string,
  target: string,
  chosen: Chosen = {}
): Joined {
  const [from, to] = [nodeOf(workflow, source), nodeOf(workflow, target)];
  if (!from || !to) {
    return refuse('One of the two nodes is gone.');
  }
  const kind = (node: WireNode) => catalogue.find(one => one.type === node.type);
  return isDirect(workflow)
    ? byPorts(workflow, [source, target], kind(from), kind(to), chosen)
    : byRules(workflow, [source, target], from, to, chosen);
}

function byRules(
  workflow: WireWorkflow,
  [source, target]: Pair,
  from: WireNode,
  to: WireNode,
  chosen: Chosen
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
  const there = edgesBetween(workflow, [source, target]);
  const way = chosen.source ?? null;
  if (way === null && there.length) {
    return refuse(`${source} leads to ${target} already.`);
  }
  if (there.some(index => (routeOf(workflow.edges[index] ?? {}) ?? '') === way)) {
    return refuse(`“${nameOf({ name: way ?? '' })}” of ${source} leads to ${target} already.`);
  }
  const label = way === null ? unusedRoute(workflow, source, from) : way === '' ? null : way;
  return { edge: { source, target, ...(label === null ? {} : { label }) }, refused: null };
}

function byPorts(
  workflow: WireWorkflow,
  [source, target]: Pair,
  from: NodeKind | undefined,
  to: NodeKind | undefined,
  chosen: Chosen
): Joined {
  if (source === target) {
    return refuse(`${source} cannot feed itself.`);
  }
  if (!from || !to) {
    return edgesBetween(workflow, [source, target]).length
      ? refuse(`${source} feeds ${target} already.`)
      : { edge: { source, target }, refused: null };
  }
  const outputs = named(from.outputs, chosen.source);
  const inputs = named(to.inputs, chosen.target);
  const fitting = outputs.flatMap(output =>
    inputs
      .filter(input => output.feeds?.includes(input.type))
      .map(input => [output, input] as const)
  );
  if (!fitting.length) {
    return refuse(unfit(outputs, inputs, target));
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
  if (!best && chosen.target && fed.has(chosen.target)) {
    return refuse(`“${chosen.target}” of ${target} is fed already, and it takes one edge only.`);
  }
  const found = best ?? (there.size ? undefined : open[0]);
  if (!found) {
    return refuse(`${source} feeds ${target} already.`);
  }
  const [{ name: sourcePort }, { name: targetPort }] = found;
  return { edge: { source, sourcePort, target, targetPort }, refused: null };
}

function named(ports: Port[], name: string | null | undefined): Port[] {
  return name == null ? ports : ports.filter(port => port.name === name);
}

/** Why no output fits an input, port by port: `“picture” (image) cannot feed “prompt” (text) of t.` */
function unfit(outputs: Port[], inputs: Port[], target: string): string {
  const list = (ports: Port[]) =>
    ports.map(port => `“${port.name}” (${port.type})`).join(' or ') || 'nothing';
  return inputs.length
    ? `${list(outputs)} cannot feed ${list(inputs)} of ${target}.`
    : `${target} takes nothing in.`;
}

/** The first route of a router or a person that no edge takes yet. */
function unusedRoute(workflow: WireWorkflow, source: string, node: WireNode): string | null {
  const { conditions, options } = node.data ?? {};
  const routes = [conditions, options].flatMap((list): unknown[] =>
    Array.isArray(list) ? list : []
  );
  const taken = new Set(workflow.edges.filter(edge => edge.source === source).map(routeOf));
  const labels = routes.map((route: unknown) =>
    typeof route === 'object' && route !== null ? (route as { label?: unknown }).label : route
  );
  const free = labels.find(label => typeof label === 'string' && label !== '' && !taken.has(label));
  return typeof free === 'string' ? free : null;
}

function refuse(reason: string): Joined {
  return { edge: null, refused: reason };
}
