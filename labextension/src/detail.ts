/** What a large graph does without until it is looked at closely. */
import type { Core, EdgeSingular, NodeSingular } from 'cytoscape';

import { CARD } from './card';
import type { Box } from './groups';

/** A node or an edge. */
export type Element = NodeSingular | EdgeSingular;

/** Below this zoom names are too small to read. */
const LEGIBLE_ZOOM = 0.35;
const HALF_W = CARD.width / 2;
const HALF_H = CARD.height / 2;

/** What is in view and large enough to read. */
export function near(core: Core): Set<Element> {
  const found = new Set<Element>();
  if (core.zoom() < LEGIBLE_ZOOM) {
    return found;
  }
  const { x1, y1, x2, y2 } = core.extent();
  for (const node of core.nodes()) {
    const { x, y } = node.position();
    if (x > x1 - HALF_W && x < x2 + HALF_W && y > y1 - HALF_H && y < y2 + HALF_H) {
      found.add(node);
      for (const edge of node.connectedEdges()) {
        found.add(edge);
      }
    }
  }
  return found;
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
