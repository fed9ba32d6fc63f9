/** What an expression at a node can read, and what of it fits what has been typed. Plain data. */
import type { Doc } from '../types';

/** An expression to offer, with where it comes from. */
export interface Offer {
  path: string;
  about: string;
}

/** What can be read at a node: the results of the nodes that lead to it, the inputs, the conversation. */
export function offersAt(doc: Doc, nodeId: string): Offer[] {
  const names = doc.names ?? { inputs: [], results: {} };
  const labels = new Map(doc.nodes.map(node => [node.id, node.label]));
  const results = [...ancestors(doc, nodeId)]
    .filter(id => id in names.results)
    .map(id => ({
      path: `state.results.${names.results[id] ?? id}`,
      about: `result of ${labels.get(id) ?? id}`
    }));
  const type = doc.nodes.find(node => node.id === nodeId)?.type;
  const items = type === 'map' ? ['item', 'index'] : [];
  return [
    ...results,
    ...items.map(name => ({ path: `state.${name}`, about: 'of the list' })),
    ...names.inputs.map(name => ({ path: `state.${name}`, about: 'input of the run' })),
    { path: 'state.messages[-1]', about: 'the newest message' }
  ];
}

/** The nodes from which edges lead to one, nearest first. */
export function ancestors(doc: Doc, nodeId: string): Set<string> {
  const before = new Map<string, string[]>();
  for (const { source, target } of doc.edges) {
    const sources = before.get(target);
    if (sources) {
      sources.push(source);
    } else {
      before.set(target, [source]);
    }
  }
  const found = new Set<string>();
  const queue = [nodeId];
  for (const id of queue) {
    for (const source of before.get(id) ?? []) {
      if (!found.has(source)) {
        found.add(source);
        queue.push(source);
      }
    }
  }
  return found;
}

/** Where an expression is being typed: from `start` up to the cursor. */
export interface Spot {
  start: number;
  typed: string;
}

/** The expression that is being typed at the cursor; null for none. A template's begins behind `{{`. */
export function spotIn(text: string, cursor: number, isTemplate: boolean): Spot | null {
  const front = text.slice(0, cursor);
  const match = (isTemplate ? /\{\{\s*([\w.[\]-]*)$/ : /^\s*([\w.[\]-]*)$/).exec(front);
  const typed = match?.[1];
  return typed === undefined ? null : { start: cursor - typed.length, typed };
}

/** The offers that go on with what has been typed, wherever in them it stands. */
export function fitting(offers: Offer[], typed: string): Offer[] {
  const wanted = typed.toLowerCase();
  const fits = offers.filter(
    ({ path, about }) => path.toLowerCase().includes(wanted) || about.toLowerCase().includes(wanted)
  );
  return fits.length === 1 && fits[0]?.path === typed ? [] : fits.slice(0, 12);
}

/** The text with an offer in the place of what was typed, and where the cursor stands behind it. */
export function accepted(
  text: string,
  spot: Spot,
  path: string,
  isTemplate: boolean
): { text: string; cursor: number } {
  const end = spot.start + spot.typed.length;
  const rest = text.slice(end);
  const closing = isTemplate && !/^\s*\}\}/.test(rest) ? '}}' : '';
  const cursor = spot.start + path.length + (isTemplate ? 2 : 0);
  return { text: text.slice(0, spot.start) + path + closing + rest, cursor };
}
