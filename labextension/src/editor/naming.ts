/** Texts that are typed on the graph itself: the name of a node, the label of an edge, the title of a group. */
import type { Graph } from '../graph';
import type { GroupLayer } from '../groups';
import type { Edits } from './edits';
import { askText } from './textbox';
import { edgesBetween, type Pair } from './wire';

/** What comes of it besides an edit. */
export interface NamingActions {
  say: (text: string) => void;
  /** The box is gone again. */
  done: () => void;
}

/** The boxes of one graph. */
export class Naming {
  constructor(
    private readonly room: { area: HTMLElement; groups: GroupLayer },
    private readonly graph: Graph,
    private readonly edits: Edits,
    private readonly actions: NamingActions
  ) {}

  /** Ask for the name of a node. */
  node(id: string): void {
    const node = this.edits.doc.nodes.find(one => one.id === id);
    const box = this.graph.node(id);
    if (node && box.nonempty()) {
      this.ask(box.renderedPosition(), `Name of ${id}`, node.label, label => {
        if (label) {
          void this.edits.name(id, label);
        } else {
          this.actions.say('A node needs a name.');
        }
      });
    }
  }

  /** Ask for the label of an edge; `''` takes it away. */
  edge(pair: Pair): void {
    const edge = this.graph.edge(pair);
    const { document } = this.edits.doc;
    const [index] = edgesBetween(document, pair);
    if (edge.nonempty() && index !== undefined) {
      const before = document.edges[index]?.label;
      const text = typeof before === 'string' ? before : '';
      this.ask(
        edge.renderedMidpoint(),
        'Label of the edge',
        text,
        label => void this.edits.label(pair, label)
      );
    }
  }

  /** Ask for the title of a group. */
  group(id: string): void {
    const group = this.edits.doc.groups?.find(one => one.id === id);
    const at = this.room.groups.titleAt(id);
    if (group && at) {
      this.ask(at, 'Title of the group', group.title, title => {
        if (title) {
          void this.edits.nameGroup(id, title);
        } else {
          this.actions.say('A group needs a title.');
        }
      });
    }
  }

  private ask(
    at: { x: number; y: number },
    label: string,
    before: string,
    onText: (text: string) => void
  ): void {
    askText(this.room.area, at, label, before, text => {
      this.actions.done();
      if (text !== null) {
        onText(text);
      }
    });
  }
}
