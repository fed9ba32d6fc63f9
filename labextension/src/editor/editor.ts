/**
 * The editor of one view: what mouse, keys, palette and menus do to a graph. It draws nothing itself but what is asked
 * for and not there yet; each request is worked out from the document of its turn, so that they can be quick in a row.
 */
import type { EdgeSingular, NodeSingular } from 'cytoscape';

import { HALF_W, lookOf, tile } from '../card';
import { pairOf } from '../elements';
import type { Graph } from '../graph';
import type { GroupLayer } from '../groups';
import { Clipboard } from './clipboard';
import { commandOf, menuOf, type Target } from './commands';
import { Connector } from './connector';
import { EditBar } from './editbar';
import { Edits } from './edits';
import { dragGroups } from './groupdrag';
import { groupsOf } from './grouping';
import type { EditableDoc, EditHost, NodeKind } from './host';
import { keyOf } from './keys';
import { Menu, type MenuItem } from './menu';
import { MiniMap } from './minimap';
import { Naming } from './naming';
import { Notice } from './notice';
import { KIND_MIME, Palette } from './palette';
import { SearchBox } from './searchbox';
import { Surface } from './surface';
import * as wire from './wire';

/** The elements that a frame gives to its editor. */
export interface Room {
  /** What takes keys and has the graph in it. */
  stage: HTMLElement;
  /** Around the stage, exactly as large. */
  area: HTMLElement;
  rail: HTMLElement;
  tools: HTMLElement;
  groups: GroupLayer;
}

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
    doc: EditableDoc
  ) {
    this.surface = new Surface(graph, room.stage);
    this.edits = new Edits(this.surface, host, doc, text => {
      this.notice.say(text);
    });
    this.connector = new Connector(this.surface, {
      canLeave: id => this.isEditable && this.edits.canLeave(id),
      refusal: (source, target, chosen) => this.edits.refusal(source, target, chosen),
      arrival: (source, target, chosen) => this.edits.arrival(source, target, chosen),
      connect: (source, target, chosen) => void this.edits.connect(source, target, chosen),
      offer: (source, at, way) => {
        this.offer(source, at, way);
      },
      say: (text, kind) => {
        this.notice.say(text, kind);
      }
    });
    this.naming = new Naming(room, graph, this.edits, {
      say: text => {
        this.notice.say(text);
      },
      done: () => {
        this.focus();
      }
    });
    this.palette = new Palette(room.rail, kind => void this.edits.add(kind));
    this.palette.leave = () => {
      this.focus();
    };
    this.map = new MiniMap(this.surface);
    this.search = new SearchBox(
      () => this.edits.doc,
      id => {
        this.graph.select(id);
        this.focus();
      },
      () => {
        this.focus();
      }
    );
    this.bar = new EditBar(room.tools, {
      undo: () => void this.edits.undo(),
      redo: () => void this.edits.redo(),
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
      this.connector.node,
      this.map.node,
      this.search.node,
      this.notice.node
    );
    this.clip = new Clipboard(room.stage, {
      copy: () => this.edits.clipOf(graph.selectedNodes),
      cut: () => void this.edits.remove(graph.selectedNodes, [], 'Cut'),
      paste: clip => void this.edits.paste(clip, this.pasteAt)
    });
    this.listen();
    this.dragging = dragGroups(room.groups, this.surface, {
      mayMove: () => this.isEditable,
      moved: places => void this.edits.move(places),
      open: id => {
        this.renameGroup(id);
      },
      menu: at => {
        this.openMenu(menuOf(this, this.selection), at, 'Edit');
      },
      focus: () => {
        this.focus();
      }
    });
    host.changed.connect(this.onHost);
    this.onHost();
    this.setDoc(doc);
  }

  /** Whether edits are taken. */
  get isEditable(): boolean {
    return this.host.editable;
  }

  /** There is another document. */
  setDoc(doc: EditableDoc): void {
    this.edits.doc = doc;
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

  /** Let the keys choose where a node leads. */
  connectByKeys(source: string): void {
    this.connector.begin(source);
  }

  /** Let the user name a node. */
  rename(id: string): void {
    this.naming.node(id);
  }

  /** Let the user change what stands on an edge. */
  editLabel(pair: wire.Pair): void {
    this.naming.edge(pair);
  }

  /** Let the user name a group. */
  renameGroup(id: string): void {
    this.naming.group(id);
  }

  /** Put nodes in a group and let the user name it. */
  group(ids: string[]): void {
    if (!ids.length) {
      this.notice.say('Select the nodes that belong together first.', 'hint');
      return;
    }
    void this.edits.group(ids, id => {
      this.renameGroup(id);
    });
  }

  /** Copy, cut or paste as the menu asks for it. */
  clipboard(what: 'copy' | 'cut' | 'paste'): void {
    this.focus();
    this.clip.ask(what);
  }

  /** Save the workflow where it is kept. */
  async save(): Promise<void> {
    const { host } = this;
    if (host.save && (await this.edits.queued(() => host.save?.() ?? Promise.resolve()))) {
      this.notice.say('Saved.', 'news');
    }
  }

  /** Select all nodes. */
  selectAll(): void {
    this.graph.selectAll(this.edits.doc.nodes.map(node => node.id));
  }

  /** Look for a node. */
  find(): void {
    this.search.open();
  }

  /** Choose a node type by typing. */
  choose(): void {
    this.palette.focus();
  }

  /** Let go of everything. */
  dispose(): void {
    this.host.changed.disconnect(this.onHost);
    this.menu?.close();
    this.clip.dispose();
    this.connector.dispose();
    this.dragging();
    this.map.dispose();
    this.notice.dispose();
  }

  readonly edits: Edits;
  private readonly surface: Surface;
  private readonly notice = new Notice();
  private readonly connector: Connector;
  private readonly naming: Naming;
  private readonly palette: Palette;
  private readonly map: MiniMap;
  private readonly search: SearchBox;
  private readonly bar: EditBar;
  private readonly clip: Clipboard;
  private readonly dragging: () => void;
  private menu: Menu | null = null;
  private catalogue: NodeKind[] | null = null;
  private dragged = new Map<string, wire.Point>();
  private pointer: wire.Point | null = null;

  private get selection(): Target {
    const nodes = this.graph.selectedNodes;
    const groups = groupsOf(this.edits.doc.groups ?? [], nodes);
    return { nodes, pairs: this.surface.selectedPairs, groups };
  }

  private readonly onHost = (): void => {
    const { core } = this.graph;
    core.autoungrabify(!this.isEditable);
    core.boxSelectionEnabled(true);
    this.room.rail.classList.toggle('jp-mod-off', !this.isEditable);
    this.bar.setDoc(this.edits.doc, this.isEditable);
    if (this.catalogue !== this.host.catalogue) {
      this.catalogue = this.host.catalogue;
      this.palette.setKinds(this.catalogue);
    }
  };

  private focus(): void {
    this.room.stage.focus({ preventScroll: true });
  }

  /** At the pointer, else in the middle of the view. */
  private get pasteAt(): wire.Point {
    return this.pointer ? this.surface.modelAt(this.pointer) : this.surface.middle;
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
          void this.edits.move(places);
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
        void this.edits.add(kind, this.surface.modelAt({ x: event.clientX, y: event.clientY }));
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
    const target = this.selection;
    const { nodes, pairs } = target;
    const box = this.room.stage.getBoundingClientRect();
    const node = nodes[0] === undefined ? null : this.graph.node(nodes[0]);
    const at = node?.nonempty()
      ? node.renderedPosition()
      : pairs[0]
        ? this.graph.edge(pairs[0]).renderedMidpoint()
        : { x: box.width / 2, y: box.height / 2 };
    this.openMenu(menuOf(this, target), { x: box.left + at.x, y: box.top + at.y }, 'Edit');
  }

  private chooseLayout(at: wire.Point): void {
    const items = Object.entries(LAYOUTS).map(([layout, title]) => ({
      title,
      isDisabled: !this.isEditable,
      run: () => void this.edits.arrange(layout)
    }));
    this.openMenu(items, at, 'Arrange');
  }

  /** A line ended on the background: what should stand there? */
  private offer(source: string, at: wire.Point, way: string | null): void {
    const place = this.surface.modelAt(at);
    const items = this.edits.followers(source, way).map(kind => ({
      title: kind.title,
      icon: tile(lookOf(this.edits.doc.looks, kind.type), 18),
      run: () => void this.edits.add(kind, { x: place.x + HALF_W, y: place.y }, source, way)
    }));
    this.openMenu(items, at, 'Add and connect');
  }
}
