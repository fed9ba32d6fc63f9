/** What a large graph does without until it is looked at closely. */
import type { BoundingBox12, Core, EdgeSingular, NodeSingular, Position } from 'cytoscape';

import { HALF_H, HALF_W } from './card';
import type { Box } from './groups';

/** A node or an edge. */
export type Element = NodeSingular | EdgeSingular;

/** Below this zoom names are too small to read. */
const LEGIBLE_ZOOM = 0.35;

/** What is in view and large enough to read. */
export function near(core: Core): Set<Element> {
  const found = new Set<Element>();
  if (core.zoom() < LEGIBLE_ZOOM) {
    return found;
  }
  const view = core.extent();
  for (const node of core.nodes()) {
    if (isSeen(view, node.position())) {
      found.add(node);
    }
  }
  for (const edge of core.edges()) {
    if (isSeen(view, edge.source().position(), edge.target().position())) {
      found.add(edge); // some only pass through
    }
  }
  return found;
}

/** Whether a card at a place, or what runs between two cards, can be in view. */
export function isSeen(view: BoundingBox12, a: Position, b: Position = a): boolean {
  return (
    Math.max(a.x, b.x) > view.x1 - HALF_W &&
    Math.min(a.x, b.x) < view.x2 + HALF_W &&
    Math.max(a.y, b.y) > view.y1 - HALF_H &&
    Math.min(a.y, b.y) < view.y2 + HALF_H
  );
}

/** Show all nodes, by their places alone: cytoscape would lay out every element to know the box around them. */
export function fitPlaces(core: Core, padding: number, more: readonly Box[] = []): void {
  const box = { x1: Infinity, y1: Infinity, x2: -Infinity, y2: -Infinity };
  for (const one of more) {
    box.x1 = Math.min(box.x1, one.x1);
    box.y1 = Math.min(box.y1, one.y1);
    box.x2 = Math.max(box.x2, one.x2);
    box.y2 = Math.max(box.y2, one.y2);
  }
  for (const node of core.nodes()) {
    const { x, y } = node.position();
    box.x1 = Math.min(box.x1, x - HALF_W);
    box.y1 = Math.min(box.y1, y - HALF_H);
    box.x2 = Math.max(box.x2, x + HALF_W);
    box.y2 = Math.max(box.y2, y + HALF_H);
  }
  const [width, height] = [core.width(), core.height()];
  const wanted = Math.min(
    (width - 2 * padding) / (box.x2 - box.x1),
    (height - 2 * padding) / (box.y2 - box.y1)
  );
  const zoom = Math.min(core.maxZoom(), Math.max(core.minZoom(), wanted));
  core.viewport({
    zoom,
    pan: {
      x: (width - zoom * (box.x1 + box.x2)) / 2,
      y: (height - zoom * (box.y1 + box.y2)) / 2
    }
  });
}

/** Give an element a class or take it away. Cytoscape's own toggle restyles it even when nothing changes. */
export function mark(one: Element, name: string, isOn: boolean): void {
  if (one.hasClass(name) !== isOn) {
    one.toggleClass(name, isOn);
  }
}
