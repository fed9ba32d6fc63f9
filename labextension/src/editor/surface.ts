/** The graph on the page as something to work on: points, places, marks, what is selected. */
import type { NodeSingular, Position } from 'cytoscape';

import { lookOf } from '../card';
import { mark } from '../detail';
import { edgeElement } from '../edges';
import { pairOf } from '../elements';
import type { Graph } from '../graph';
import { coursesOf } from '../sockets';
import type { Pair } from './wire';

/** What an editor needs of a graph besides drawing it. */
export class Surface {
  constructor(
    readonly graph: Graph,
    private readonly stage: HTMLElement
  ) {}

  /** The edges that are selected, by the nodes they join. */
  get selectedPairs(): Pair[] {
    return this.graph.core.edges(':selected').map(edge => pairOf(edge));
  }

  /** Where nodes are drawn: the named ones, or all. */
  places(ids?: Iterable<string>): [string, Position][] {
    const { graph } = this;
    const nodes = ids ? [...ids].map(id => graph.node(id)) : graph.core.nodes().toArray();
    return nodes
      .filter(node => node.nonempty())
      .map(node => [graph.idOf(node), { ...node.position() }]);
  }

  /** Draw nodes elsewhere, ahead of the document that will say so. */
  put(places: Iterable<readonly [string, Position]>): void {
    this.graph.core.batch(() => {
      for (const [id, place] of places) {
        this.graph.node(id).position(place);
      }
    });
  }

  /** Draw an edge that is asked for and not there yet. */
  promise([source, target, way]: Pair): void {
    const { graph } = this;
    const sockets = way ? [[...way] as [string | null, string | null]] : [];
    const [course] = coursesOf({ source, target, label: '', sockets }, id => graph.socketsAt(id));
    if (course && graph.edge([source, target]).empty()) {
      const ends = new Map(this.places([source, target]));
      graph.core.add({ ...edgeElement(course, ends, true), classes: 'unsure near' });
    }
  }

  /** Show that a node could be the end of a line, or could not; `''` takes the mark away. */
  mark(nodeId: string | null, as: 'aim' | 'barred' | ''): void {
    const node = nodeId === null ? null : this.graph.node(nodeId);
    if (node?.nonempty()) {
      mark(node, 'aim', as === 'aim');
      mark(node, 'barred', as === 'barred');
    }
  }

  /** The colour of a node's type. */
  colorOf(node: NodeSingular): string {
    return lookOf(this.graph.looks, node.data('type') as string).color;
  }

  /** A point of the page in the stage. */
  inStage({ x, y }: Position): Position {
    const box = this.stage.getBoundingClientRect();
    return { x: x - box.left, y: y - box.top };
  }

  /** A point of the page in the graph. */
  modelAt(point: Position): Position {
    const { x, y } = this.inStage(point);
    const { core } = this.graph;
    const [zoom, pan] = [core.zoom(), core.pan()];
    return { x: (x - pan.x) / zoom, y: (y - pan.y) / zoom };
  }

  /** Whether a point of the page lies in the stage. */
  contains(point: Position): boolean {
    const { x, y } = this.inStage(point);
    return x >= 0 && y >= 0 && x <= this.stage.clientWidth && y <= this.stage.clientHeight;
  }

  /** The middle of what is in view. */
  get middle(): Position {
    const { x1, x2, y1, y2 } = this.graph.core.extent();
    return { x: (x1 + x2) / 2, y: (y1 + y2) / 2 };
  }
}
