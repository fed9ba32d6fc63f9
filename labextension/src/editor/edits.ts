/**
 * What is asked of whoever holds the workflow. Requests wait for one another and are worked out from the document of
 * their turn, so that they can be quick in a row; what is cheap to draw ahead is drawn ahead, and healed when refused.
 */
import { CARD } from '../card';
import type { Doc, DocGroup } from '../types';
import { aligned } from './aligning';
import { type Clip, clipOf, middleOf, pasting } from './clip';
import type { Change, EditableDoc, EditHost, NodeKind } from './host';
import { grouping, leaving, ungrouping } from './grouping';
import { type Chosen, join } from './joining';
import { Places } from './places';
import type { Surface } from './surface';
import * as wire from './wire';

const BESIDE = CARD.width + 80;
const BELOW = CARD.height + 30;
const DUPLICATE_OFFSET = 40;

/** The requests of one view. Each answers whether it was done. */
export class Edits {
  constructor(
    private readonly surface: Surface,
    private readonly host: EditHost,
    /** What is drawn now. */
    public doc: EditableDoc,
    private readonly say: (text: string) => void
  ) {}

  /** A document with what is under way already in its place. */
  ahead<Kind extends Doc>(doc: Kind): Kind {
    if (!this.moving.size) {
      return doc;
    }
    return { ...doc, nodes: doc.nodes.map(node => ({ ...node, ...this.moving.get(node.id) })) };
  }

  /** Why two nodes cannot be joined; null when they can. */
  refusal(source: string, target: string, chosen: Chosen = {}): string | null {
    return join(this.workflow, this.host.catalogue, source, target, chosen).refused;
  }

  /** The port at which an edge between two nodes would arrive; null where that is the node itself. */
  arrival(source: string, target: string, chosen: Chosen): string | null {
    const { edge } = join(this.workflow, this.host.catalogue, source, target, chosen);
    return typeof edge?.targetPort === 'string' ? edge.targetPort : null;
  }

  /** Whether anything may follow a node. */
  canLeave(id: string): boolean {
    const type = wire.nodeOf(this.workflow, id)?.type;
    const kind = this.host.catalogue.find(one => one.type === type);
    return wire.isDirect(this.workflow) ? !kind || kind.outputs.length > 0 : type !== 'end';
  }

  /** The types of which a new node may follow a node. */
  followers(source: string, way: string | null = null): NodeKind[] {
    const { catalogue } = this.host;
    return catalogue.filter(({ type }) => {
      const grown = this.grown({ id: '', clientId: '', type });
      return join(grown, catalogue, source, '', { source: way }).edge !== null;
    });
  }

  /** Add a node: at a point, else beside the selected one and joined to it, else in the middle of the view. */
  add(
    kind: NodeKind,
    at: wire.Point | null = null,
    after: string | null = null,
    way: string | null = null
  ): Promise<boolean> {
    const source = after ?? (at ? null : this.surface.graph.selected);
    let id = '';
    const make = (): Change[] => {
      const { type } = kind;
      const { workflow } = this;
      if (type === 'start' && workflow.nodes.some(node => node.type === 'start')) {
        throw new Error('There is a start already: every workflow begins with one.');
      }
      id = wire.freshId(type, wire.idsOf(workflow));
      const position = this.placeFor(at, source);
      const node = { [wire.idKey(workflow)]: id, type, position };
      const grown = this.grown({ ...node, id, type });
      const chosen = { source: way };
      const edge =
        source === null ? null : join(grown, this.host.catalogue, source, id, chosen).edge;
      return [{ op: 'add_node', node }, ...(edge ? [{ op: 'add_edge', edge }] : [])];
    };
    return this.request(`Add ${kind.title}`, make, () => {
      this.surface.graph.select(id);
    });
  }

  /** Join two nodes. */
  connect(source: string, target: string, chosen: Chosen = {}): Promise<boolean> {
    const arrives = this.arrival(source, target, chosen);
    this.surface.promise([source, target, [chosen.source ?? null, arrives]]);
    return this.request(`Connect ${source} to ${target}`, () => {
      const { edge, refused } = join(this.workflow, this.host.catalogue, source, target, chosen);
      if (refused !== null) {
        throw new Error(refused);
      }
      return [{ op: 'add_edge', edge }];
    });
  }

  /** Take nodes and edges away; the start of a workflow stays. */
  remove(nodes: string[], pairs: wire.Pair[], verb = 'Delete'): Promise<boolean> {
    const kept = wire.protectedNodes(this.workflow, nodes);
    const gone = nodes.filter(id => !kept.includes(id));
    if (kept.length) {
      this.say('The start stays: every workflow begins with one.');
    }
    if (!gone.length && !pairs.length) {
      return Promise.resolve(false);
    }
    return this.request(`${verb} ${wire.named(gone.length, pairs.length)}`, () => {
      const there = wire.idsOf(this.workflow);
      const left = gone.filter(id => there.has(id));
      return wire.removal(this.workflow, left, pairs);
    });
  }

  /** Nodes with the edges among them, to be put elsewhere; null when there are none. */
  clipOf(ids: string[]): Clip | null {
    const places = new Map(this.surface.places(ids));
    return clipOf(this.workflow, ids, id => places.get(id) ?? { x: 0, y: 0 }, this.groups);
  }

  /** Put copies of nodes beside them. */
  duplicate(ids: string[]): Promise<boolean> {
    const clip = this.clipOf(ids);
    if (!clip) {
      return Promise.resolve(false);
    }
    const { x, y } = middleOf(clip.nodes.map(node => node.position as wire.Point));
    const at = { x: x + DUPLICATE_OFFSET, y: y + DUPLICATE_OFFSET };
    return this.paste(clip, at, 'Duplicate');
  }

  /** Put a piece of a workflow in, its middle at a point. */
  paste(clip: Clip, at: wire.Point, verb = 'Paste'): Promise<boolean> {
    let ids: string[] = [];
    const make = (): Change[] => {
      const pasted = pasting(this.workflow, clip, at, this.groups);
      ids = pasted.ids;
      return pasted.changes;
    };
    return this.request(`${verb} ${wire.named(clip.nodes.length)}`, make, () => {
      this.surface.graph.selectAll(ids);
    });
  }

  /** Draw a box around nodes; `onDone` hears which group it is. */
  group(ids: string[], onDone: (id: string) => void): Promise<boolean> {
    let id = '';
    const make = (): Change[] => {
      const made = grouping(this.groups, ids);
      id = made.id;
      return made.changes;
    };
    return this.request(`Group ${wire.named(ids.length)}`, make, () => {
      onDone(id);
    });
  }

  /** Take away the boxes around nodes. */
  ungroup(ids: string[]): Promise<boolean> {
    return this.request('Ungroup', () => ungrouping(this.groups, ids));
  }

  /** Take nodes out of their groups. */
  leaveGroups(ids: string[]): Promise<boolean> {
    const title = `Take ${wire.named(ids.length)} out of the group`;
    return this.request(title, () => leaving(this.groups, ids));
  }

  /** Give a group a title. */
  nameGroup(id: string, title: string): Promise<boolean> {
    return this.request(`Rename group to ${title}`, () => {
      const group = this.groups.find(one => one.id === id);
      return group ? [{ op: 'replace_group', group_id: id, group: { ...group, title } }] : [];
    });
  }

  /** Put nodes in line, or apart. */
  align(ids: string[], how: string): Promise<boolean> {
    return this.move(aligned(new Map(this.surface.places(ids)), how), 'Align');
  }

  /** Move nodes a little. */
  nudge(ids: string[], dx: number, dy: number): Promise<boolean> {
    const places = this.surface.places(ids);
    return this.move(new Map(places.map(([id, { x, y }]) => [id, { x: x + dx, y: y + dy }])));
  }

  /** Move nodes to places. */
  move(places: Map<string, wire.Point>, verb = 'Move'): Promise<boolean> {
    for (const [id, place] of places) {
      this.moving.set(id, place);
    }
    this.surface.put(places);
    return this.queued(async () => {
      try {
        await this.host.edit(`${verb} ${wire.named(places.size)}`, wire.moves(places));
      } finally {
        for (const [id, place] of places) {
          if (this.moving.get(id) === place) {
            this.moving.delete(id); // unless it has been moved on meanwhile
          }
        }
      }
    });
  }

  /** Give a node a name. */
  name(id: string, name: string): Promise<boolean> {
    return this.request(`Rename ${id}`, () => [
      { op: 'set_data', node_id: id, field: 'name', value: name }
    ]);
  }

  /** Give an edge a label; `''` takes it away. */
  label(pair: wire.Pair, label: string): Promise<boolean> {
    return this.request('Edit label', () => wire.labelling(this.workflow, pair, label));
  }

  /** Take back what was done last, by whomever. */
  undo(): Promise<boolean> {
    return this.queued(() => this.host.undo());
  }

  /** Do again what was taken back. */
  redo(): Promise<boolean> {
    return this.queued(() => this.host.redo());
  }

  /** Place all nodes anew and show them all. */
  async arrange(layout: string): Promise<void> {
    if (await this.queued(() => this.host.arrange(layout))) {
      this.surface.graph.fit();
    }
  }

  /** Do one thing after another. What is refused is said, and the graph shown as it is. */
  queued(act: () => Promise<void>): Promise<boolean> {
    const turn = this.last.then(async () => {
      try {
        await act();
        return true;
      } catch (error) {
        this.say(error instanceof Error ? error.message : String(error));
        this.surface.graph.setDoc(this.ahead(this.doc));
        return false;
      }
    });
    this.last = turn;
    return turn;
  }

  /** Where nodes go that nobody has confirmed yet. */
  private readonly moving = new Map<string, wire.Point>();
  private last: Promise<unknown> = Promise.resolve();

  private get groups(): DocGroup[] {
    return this.doc.groups ?? [];
  }

  private get workflow(): Doc['document'] {
    return this.doc.document;
  }

  /** The workflow with one node more. */
  private grown(node: Doc['document']['nodes'][number]): Doc['document'] {
    return { ...this.workflow, nodes: [...this.workflow.nodes, node] };
  }

  /** Ask for changes, worked out when it is their turn. */
  private request(title: string, make: () => Change[], onDone?: () => void): Promise<boolean> {
    return this.queued(async () => {
      const changes = make();
      if (changes.length) {
        await this.host.edit(title, changes);
        onDone?.();
      }
    });
  }

  /** A free place: where it is wanted, else further down. */
  private placeFor(at: wire.Point | null, source: string | null): wire.Point {
    const beside = source === null ? undefined : this.surface.places([source])[0]?.[1];
    const wanted = beside ? { x: beside.x + BESIDE, y: beside.y } : this.surface.middle;
    const place = { ...(at ?? wanted) };
    const taken = new Places(this.surface.places());
    while (!at && taken.at(place) !== null) {
      place.y += BELOW;
    }
    return { x: Math.round(place.x), y: Math.round(place.y) };
  }
}
