/** What the inspector shows on the graph, and hears from it. */
import type { Core, EdgeSingular } from 'cytoscape';

import { mark } from '../detail';

/** Mark the nodes about which validation says something: `error` or `warning`, by id. */
export function flag(core: Core, marks: ReadonlyMap<string, string>): void {
  core.batch(() => {
    for (const node of core.nodes()) {
      const severity = marks.get(node.id().slice(2));
      mark(node, 'has-error', severity === 'error');
      mark(node, 'has-warning', severity === 'warning');
    }
  });
}

/** Call back with the ends of the edge that is selected alone, and with null when it no longer is. */
export function onEdge(core: Core, call: (ends: [string, string] | null) => void): void {
  let told = 'null';
  const tell = (): void => {
    if (core.destroyed()) {
      return;
    }
    const chosen = core.edges(':selected');
    const edge = chosen.length === 1 && core.nodes(':selected').empty() ? chosen[0] : undefined;
    const ends = edge ? endsOf(edge) : null;
    if (JSON.stringify(ends) !== told) {
      told = JSON.stringify(ends);
      call(ends);
    }
  };
  core.on('select unselect remove', 'edge', () => {
    queueMicrotask(tell); // once for many
  });
}

function endsOf(edge: EdgeSingular): [string, string] {
  return [edge.source().id().slice(2), edge.target().id().slice(2)];
}
