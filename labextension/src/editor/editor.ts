/**
 * The editor of one view: what mouse, keys, palette and menus do to a graph. It draws nothing itself but what is asked
 * for and not there yet; each request is worked out from the document of its turn, so that they can be quick in a row.
 */
import type { EdgeSingular, NodeSingular } from 'cytoscape';

import { CARD, lookOf, tile } from '../card';
import { type Graph, pairOf } from '../graph';
import type { Doc } from '../types';
import { aligned } from './aligning';
import { Clipboard } from './clipboard';
import { type Clip, clipOf, middleOf, pasting } from './clip';
import { commandOf, menuOf, type Target } from './commands';
import { Connector } from './connector';
import { EditBar } from './editbar';
import type { Change, EditableDoc, EditHost, NodeKind } from './host';
import { join } from './joining';
import { keyOf } from './keys';
import { Menu, type MenuItem } from './menu';
import { MiniMap } from './minimap';
import { Notice } from './notice';
import { KIND_MIME, Palette } from './palette';
import { Places } from './places';
import { SearchBox } from './searchbox';
import { askText } from './textbox';
import * as wire from './wire';

/** The elements that a frame gives to its editor. */
export interface Room {
  /** What takes keys and has the graph in it. */
  stage: HTMLElement;
  /** Around the stage, exactly as large. */
  area: HTMLElement;
  rail: HTMLElement;
  tools: HTMLElement;
}

const BESIDE = CARD.width + 80;
const BELOW = CARD.height + 30;
const PASTE_OFFSET = 40;
const LAYOUTS: Record<string, string> = {
  layered: 'Left to right',
  hierarchical: 'Top to bottom',
  force: 'By attraction',
  grid: 'In a grid'
};

/** Makes a graph editable. */
export class Editor {
  constructor(
    private readonly room: Room,
    private readonly graph: Graph,
    private readonly host: EditHost,
    private doc: EditableDoc
  ) {
    this.connector = new Connector(graph, {
      canLeave: id => this.canLeave(id),
      refusal: (source, target) => join(this.workflow, host.catalogue, source, target).refused,
      connect: (source, target) => void this.connect(source, target),
      offer: (source, at) => {
        this.offer(source, at);
      },
      say: (text, kind) => {
        this.notice.say(text, kind);
      }
    });
    this.palette = new Palette(room.rail, kind => void this.add(kind));
    this.palette.leave = () => {
      this.focus();
    };
    this.map = new MiniMap(graph);
    this.search = new SearchBox(
      () => this.doc,
      id => {
        this.graph.select(id);
        this.focus();
      },
      () => {
        this.focus();
      }
    );
    this.bar = new EditBar(room.tools, {
      undo: () => void this.undo(),
      redo: () => void this.redo(),
      arrange: at => {
        this.chooseLayout(at);
      },
      find: () => {
        this.find();
      },
      map: () => this.map.toggle()
    });
    this.bar.showMap(!this.map.node.hidden);
    room.area.append(
      this.connector.sheet,
      this.connector.dot,
      this.map.node,
      this.search.node,
      this.notice.node
    );
    this.clip = new Clipboard(room.stage, {
      copy: () => this.copied(),
      cut: () => void this.remove({ nodes: graph.selectedNodes, pairs: [] }, 'Cut'),
      paste: clip => void this.paste(clip)
    });
    this.listen();
    host.changed.connect(this.onHost);
    this.onHost();
    this.setDoc(doc);
  }

  /** Whether edits are taken. */
  get isEditable(): boolean {
    return this.host.editable;
  }

  /** A document with what is under way already in its place. */
  ahead<Kind extends Doc>(doc: Kind): Kind {
    if (!this.moving.size) {
      return doc;
    }
    return { ...doc, nodes: doc.nodes.map(node => ({ ...node, ...this.moving.get(node.id) })) };
  }

  /** There is another document. */
  setDoc(doc: EditableDoc): void {
    this.doc = doc;
    this.bar.setDoc(doc, this.isEditable);
    this.connector.place();
  }

  /** Do what a key asks for; false when it is nobody's. */
  press(event: KeyboardEvent): boolean {
    if (this.connector.usesKeys) {
      this.connector.press(event.key);
      return true;
    }
    const key = keyOf(event);
    if (key === 'ContextMenu' || key === 'Shift+F10') {
      this.menuByKeys();
      return true;
    }
    const target = this.selection;
    const command = commandOf(key, target);
    if (!command) {
      return false;
    }
    if (command.isEdit && !this.isEditable) {
      this.notice.say('There is no kernel to take edits; run the cell again.');
    } else {
      command.run(this, target);
    }
    return true;
  }

  /** Add a node: at a point, else beside the selected one and joined to it, else in the middle of the view. */
  add(kind: NodeKind, at: wire.Point | null = null, after: string | null = null): Promise<boolean> {
    const source = after ?? (at ? null : this.graph.selected);
    let id = '';
    return this.request(
      `Add ${kind.title}`,
      () => {
        const { workflow } = this;
        id = wire.freshId(kind.type, wire.idsOf(workflow));
        const [x, y] = this.placeFor(at, source);
        const node = { [wire.idKey(workflow)]: id, type: kind.type, position: { x, y } };
        const grown = { ...workflow, nodes: [...workflow.nodes, { ...node, id, type: kind.type }] };
        const joined = source === null ? null : join(grown, this.host.catalogue, source, id).edge;
        return [{ op: 'add_node', node }, ...(joined ? [{ op: 'add_edge', edge: joined }] : [])];
      },
      () => {
        this.graph.select(id);
      }
    );
  }

  /** Join two nodes. */
  connect(source: string, target: string): Promise<boolean> {
    this.graph.promise([source, target]);
    return this.request(`Connect ${source} to ${target}`, () => {
      const { edge, refused } = join(this.workflow, this.host.catalogue, source, target);
      if (refused !== null) {
        throw new Error(refused);
      }
      return [{ op: 'add_edge', edge }];
    });
  }

  /** Let the keys choose where a node leads. */
  connectByKeys(source: string): void {
    this.connector.begin(source);
  }

  /** Take nodes and edges away; the start of a workflow stays. */
  remove({ nodes, pairs }: Target, verb = 'Delete'): Promise<boolean> {
    const kept = wire.protectedNodes(this.workflow, nodes);
    const gone = nodes.filter(id => !kept.includes(id));
    if (kept.length) {
      this.notice.say('The start stays: every workflow begins with one.');
    }
    if (!gone.length && !pairs.length) {
      return Promise.resolve(false);
    }
    return this.request(`${verb} ${wire.named(gone.length, pairs.length)}`, () => {
      const there = wire.idsOf(this.workflow);
      return wire.removal(
        this.workflow,
        gone.filter(id => there.has(id)),
        pairs
      );
    });
  }

  /** Put copies of nodes, with the edges among them, beside them. */
  duplicate(ids: string[]): Promise<boolean> {
    const clip = this.clipOf(ids);
    return clip ? this.paste(clip, PASTE_OFFSET, 'Duplicate') : Promise.resolve(false);
  }

  /** Put nodes in line, or apart. */
  align(ids: string[], how: string): Promise<boolean> {
    return this.move(aligned(new Map(this.graph.places(ids)), how), 'Align');
  }

  /** Move nodes a little. */
  nudge(ids: string[], dx: number, dy: number): Promise<boolean> {
    const places = this.graph.places(ids);
    return this.move(
      new Map(places.map(([id, { x, y }]) => [id, { x: x + dx, y: y + dy }])),
      'Move'
    );
  }

  /** Let the user name a node. */
  rename(id: string): void {
    const node = this.doc.nodes.find(one => one.id === id);
    const box = this.graph.node(id);
    if (!node || box.empty()) {
      return;
    }
    askText(this.room.area, box.renderedPosition(), `Name of ${id}`, node.label, label => {
      this.focus();
      if (label) {
        void this.request(`Rename ${node.label}`, () => [
          { op: 'set_data', node_id: id, field: 'name', value: label }
        ]);
      } else if (label === '') {
        this.notice.say('A node needs a name.');
      }
    });
  }

  /** Let the user change what stands on an edge. */
  editLabel(pair: wire.Pair): void {
    const edge = this.graph.edge(pair);
    const [index] = wire.edgesBetween(this.workflow, pair);
    if (edge.empty() || index === undefined) {
      return;
    }
    const before = this.workflow.edges[index]?.label;
    askText(
      this.room.area,
      edge.renderedMidpoint(),
      'Label of the edge',
      typeof before === 'string' ? before : '',
      label => {
        this.focus();
        if (label !== null) {
          void this.request('Edit label', () => wire.labelling(this.workflow, pair, label));
        }
      }
    );
  }

  /** Copy, cut or paste as the menu asks for it. */
  clipboard(what: 'copy' | 'cut' | 'paste'): void {
    this.focus();
    this.clip.ask(what);
  }

  /** Select all nodes. */
  selectAll(): void {
    this.graph.selectAll(this.doc.nodes.map(node => node.id));
  }

  /** Look for a node. */
  find(): void {
    this.search.open();
  }

  /** Choose a node type by typing. */
  choose(): void {
    this.palette.focus();
  }

  undo(): Promise<boolean> {
    return this.queued(() => this.host.undo());
  }

  redo(): Promise<boolean> {
    return this.queued(() => this.host.redo());
  }

  /** Place all nodes anew and show them all. */
  async arrange(layout: string): Promise<void> {
    if (await this.queued(() => this.host.arrange(layout))) {
      this.graph.fit();
    }
  }

  /** Let go of everything. */
  dispose(): void {
    this.host.changed.disconnect(this.onHost);
    this.menu?.close();
    this.clip.dispose();
    this.connector.dispose();
    this.map.dispose();
    this.notice.dispose();
  }

  private readonly notice = new Notice();
  private readonly connector: Connector;
  private readonly palette: Palette;
  private readonly map: MiniMap;
  private readonly search: SearchBox;
  private readonly bar: EditBar;
  private readonly clip: Clipboard;
  private menu: Menu | null = null;
  private catalogue: NodeKind[] | null = null;
  /** Where nodes go that nobody has confirmed yet. */
  private readonly moving = new Map<string, wire.Point>();
  private last: Promise<unknown> = Promise.resolve();
  private dragged = new Map<string, wire.Point>();
  private pointer: wire.Point | null = null;

  private get workflow(): Doc['document'] {
    return this.doc.document;
  }

  private get selection(): Target {
    return { nodes: this.graph.selectedNodes, pairs: this.graph.selectedPairs };
  }

  private readonly onHost = (): void => {
    const { core } = this.graph;
    core.autoungrabify(!this.isEditable);
    core.boxSelectionEnabled(true);
    this.room.rail.classList.toggle('jp-mod-off', !this.isEditable);
    this.bar.setDoc(this.doc, this.isEditable);
    if (this.catalogue !== this.host.catalogue) {
      this.catalogue = this.host.catalogue;
      this.palette.setKinds(this.catalogue);
    }
  };

  private focus(): void {
    this.room.stage.focus({ preventScroll: true });
  }

  /** Ask for changes, worked out when it is their turn; whether they were made. */
  private request(title: string, make: () => Change[], onDone?: () => void): Promise<boolean> {
    return this.queued(async () => {
      const changes = make();
      if (changes.length) {
        await this.host.edit(title, changes);
        onDone?.();
      }
    });
  }

  /** Do one thing after another. What is refused is said, and the graph shown as it is. */
  private queued(act: () => Promise<void>): Promise<boolean> {
    const turn = this.last.then(async () => {
      try {
        await act();
        return true;
      } catch (error) {
        this.notice.say(error instanceof Error ? error.message : String(error));
        this.graph.setDoc(this.ahead(this.doc));
        return false;
      }
    });
    this.last = turn;
    return turn;
  }

  private async move(places: Map<string, wire.Point>, verb: string): Promise<boolean> {
    for (const [id, place] of places) {
      this.moving.set(id, place);
    }
    this.graph.put(places);
    const isDone = await this.queued(async () => {
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
    return isDone;
  }

  private clipOf(ids: string[]): Clip | null {
    const places = new Map(this.graph.places(ids));
    return clipOf(this.workflow, ids, id => places.get(id) ?? { x: 0, y: 0 });
  }

  private copied(): Clip | null {
    return this.clipOf(this.graph.selectedNodes);
  }

  private paste(clip: Clip, offset: number | null = null, verb = 'Paste'): Promise<boolean> {
    let ids: string[] = [];
    return this.request(
      `${verb} ${wire.named(clip.nodes.length)}`,
      () => {
        const pasted = pasting(this.workflow, clip, this.pasteAt(clip, offset));
        ids = pasted.ids;
        return pasted.changes;
      },
      () => {
        this.graph.selectAll(ids);
      }
    );
  }

  /** At the pointer, else in the middle of the view; or aside of where it came from. */
  private pasteAt(clip: Clip, offset: number | null): wire.Point {
    if (offset !== null) {
      const { x, y } = middleOf(clip.nodes.map(node => node.position as wire.Point));
      return { x: x + offset, y: y + offset };
    }
    return this.pointer ? this.graph.modelAt(this.pointer) : this.graph.middle;
  }

  private canLeave(id: string): boolean {
    const type = this.doc.nodes.find(node => node.id === id)?.type;
    const kind = this.host.catalogue.find(one => one.type === type);
    return (
      this.isEditable &&
      (wire.isDirect(this.workflow) ? !kind || kind.outputs.length > 0 : type !== 'end')
    );
  }

  /** A free place: where it is wanted, else further down. */
  private placeFor(at: wire.Point | null, source: string | null): [number, number] {
    const beside = source === null ? undefined : this.graph.places([source])[0]?.[1];
    const wanted = at ?? (beside ? { x: beside.x + BESIDE, y: beside.y } : this.graph.middle);
    const place = { ...wanted };
    const taken = new Places(this.graph.places());
    while (!at && taken.at(place) !== null) {
      place.y += BELOW;
    }
    return [Math.round(place.x), Math.round(place.y)];
  }

  private listen(): void {
    const { stage } = this.room;
    const { core } = this.graph;
    core.on('dragfree', 'node', event => {
      const node = event.target as NodeSingular;
      if (!this.dragged.size) {
        queueMicrotask(() => {
          const places = this.dragged;
          this.dragged = new Map();
          void this.move(places, 'Move');
        });
      }
      this.dragged.set(this.graph.idOf(node), { ...node.position() });
    });
    core.on('cxttapstart', event => {
      const hit = event.target as { isNode?: () => boolean; selected?: () => boolean };
      if (hit.isNode && !hit.selected?.()) {
        core.elements(':selected').unselect();
        (event.target as NodeSingular).select();
      } else if (!hit.isNode) {
        core.elements(':selected').unselect();
      }
    });
    core.on('dblclick dbltap', 'edge', event => {
      this.editLabel(pairOf(event.target as EdgeSingular));
    });
    stage.addEventListener('contextmenu', event => {
      event.preventDefault();
      event.stopPropagation();
      this.pointer = { x: event.clientX, y: event.clientY };
      this.openMenu(menuOf(this, this.selection), this.pointer, 'Edit');
    });
    stage.addEventListener('pointermove', event => {
      this.pointer = { x: event.clientX, y: event.clientY };
    });
    stage.addEventListener('pointerleave', () => {
      this.pointer = null;
    });
    stage.addEventListener('dragover', event => {
      if (event.dataTransfer?.types.includes(KIND_MIME) && this.isEditable) {
        event.preventDefault();
        event.stopPropagation();
        event.dataTransfer.dropEffect = 'copy';
      }
    });
    stage.addEventListener('drop', event => {
      const type = event.dataTransfer?.getData(KIND_MIME);
      const kind = this.host.catalogue.find(one => one.type === type);
      if (kind) {
        event.preventDefault();
        event.stopPropagation();
        this.focus();
        void this.add(kind, this.graph.modelAt({ x: event.clientX, y: event.clientY }));
      }
    });
  }

  private openMenu(items: MenuItem[], at: wire.Point, label: string): void {
    this.menu?.close();
    const onClose = (): void => {
      this.menu = null;
      this.focus();
    };
    this.menu = new Menu(items, at, onClose, label);
  }

  private menuByKeys(): void {
    const { nodes, pairs } = this.selection;
    const box = this.room.stage.getBoundingClientRect();
    const node = nodes[0] === undefined ? null : this.graph.node(nodes[0]);
    const at = node?.nonempty()
      ? node.renderedPosition()
      : pairs[0]
        ? this.graph.edge(pairs[0]).renderedMidpoint()
        : { x: box.width / 2, y: box.height / 2 };
    this.openMenu(
      menuOf(this, { nodes, pairs }),
      { x: box.left + at.x, y: box.top + at.y },
      'Edit'
    );
  }

  private chooseLayout(at: wire.Point): void {
    const items = Object.entries(LAYOUTS).map(([layout, title]) => ({
      title,
      isDisabled: !this.isEditable,
      run: () => void this.arrange(layout)
    }));
    this.openMenu(items, at, 'Arrange');
  }

  /** A line ended on the background: what should stand there? */
  private offer(source: string, at: wire.Point): void {
    const place = this.graph.modelAt(at);
    const { workflow } = this;
    const items = this.host.catalogue
      .filter(kind => {
        const there = { id: '', clientId: '', type: kind.type };
        const grown = { ...workflow, nodes: [...workflow.nodes, there] };
        return join(grown, this.host.catalogue, source, '').edge !== null;
      })
      .map(kind => ({
        title: kind.title,
        icon: tile(lookOf(this.doc.looks, kind.type), 18),
        run: () => void this.add(kind, { x: place.x + CARD.width / 2, y: place.y }, source)
      }));
    this.openMenu(items, at, 'Add and connect');
  }
}
