/** What can be done to a graph, as data: keys and menus are made from the same table. */
import * as icons from '../icons';
import { ALIGNMENTS } from './aligning';
import type { DocGroup } from '../types';
import type { Editor } from './editor';
import { isWhole } from './grouping';
import type { MenuItem } from './menu';
import type { Pair } from './wire';

/** What a command is about. */
export interface Target {
  nodes: string[];
  pairs: Pair[];
  /** The groups of which any of the nodes is a member. */
  groups?: DocGroup[];
}

interface Command {
  title: string;
  keys: string[];
  icon?: string;
  /** Menus it stands in. */
  menus: ('node' | 'nodes' | 'edge' | 'background')[];
  /** Whether it makes sense now. */
  isFor: (target: Target) => boolean;
  /** Whether it changes the workflow. */
  isEdit: boolean;
  run: (editor: Editor, target: Target) => void;
}

const always = (): boolean => true;
const some = ({ nodes, pairs }: Target): boolean => nodes.length + pairs.length > 0;
const someNodes = ({ nodes }: Target): boolean => nodes.length > 0;
const oneNode = ({ nodes }: Target): boolean => nodes.length === 1;
const someGroup = ({ groups }: Target): boolean => !!groups?.length;
const oneGroup = ({ nodes, groups }: Target): boolean =>
  nodes.length > 1 && groups?.length === 1 && groups.some(group => isWhole(group, nodes));
const partOfGroups = ({ nodes, groups }: Target): boolean => {
  const chosen = new Set(nodes);
  return !!groups?.length && groups.some(group => group.nodes.some(id => !chosen.has(id)));
};
const oneEdge = ({ nodes, pairs }: Target): boolean => !nodes.length && pairs.length === 1;

/** The distance by which keys move nodes, in pixels: the grid of the background, and finely. */
const STRIDE = 20;

const COMMANDS: Command[] = [
  {
    ...{ title: 'Rename…', keys: ['F2'], icon: icons.PEN, menus: ['node'] },
    ...{ isFor: oneNode, isEdit: true },
    run: (editor, { nodes: [id] }) => {
      editor.rename(id ?? '');
    }
  },
  {
    ...{ title: 'Rename group…', keys: ['F2'], icon: icons.PEN, menus: ['nodes'] },
    ...{ isFor: oneGroup, isEdit: true },
    run: (editor, { groups }) => {
      editor.renameGroup(groups?.[0]?.id ?? '');
    }
  },
  {
    ...{ title: 'Edit label…', keys: ['F2'], icon: icons.PEN, menus: ['edge'] },
    ...{ isFor: oneEdge, isEdit: true },
    run: (editor, { pairs: [pair] }) => {
      if (pair) {
        editor.editLabel(pair);
      }
    }
  },
  {
    ...{ title: 'Connect to…', keys: ['C'], icon: icons.LINK, menus: ['node'] },
    ...{ isFor: oneNode, isEdit: true },
    run: (editor, { nodes: [id] }) => {
      editor.connectByKeys(id ?? '');
    }
  },
  {
    ...{ title: 'Add a node…', keys: ['A'], icon: icons.PLUS, menus: ['background'] },
    ...{ isFor: always, isEdit: true },
    run: editor => {
      editor.choose();
    }
  },
  {
    ...{ title: 'Duplicate', keys: ['Mod+D'], icon: icons.COPY, menus: ['node', 'nodes'] },
    ...{ isFor: someNodes, isEdit: true },
    run: (editor, { nodes }) => void editor.edits.duplicate(nodes)
  },
  {
    ...{ title: 'Group', keys: ['Mod+G'], icon: icons.GROUP, menus: ['nodes'] },
    ...{ isFor: always, isEdit: true },
    run: (editor, { nodes }) => {
      editor.group(nodes);
    }
  },
  {
    ...{ title: 'Ungroup', keys: ['Mod+Shift+G'], menus: ['node', 'nodes'] },
    ...{ isFor: someGroup, isEdit: true },
    run: (editor, { nodes }) => void editor.edits.ungroup(nodes)
  },
  {
    ...{ title: 'Take out of the group', keys: [], menus: ['node', 'nodes'] },
    ...{ isFor: partOfGroups, isEdit: true },
    run: (editor, { nodes }) => void editor.edits.leaveGroups(nodes)
  },
  {
    ...{ title: 'Copy', keys: [], menus: ['node', 'nodes'] },
    ...{ isFor: someNodes, isEdit: false },
    run: editor => {
      editor.clipboard('copy');
    }
  },
  {
    ...{ title: 'Cut', keys: [], menus: ['node', 'nodes'] },
    ...{ isFor: someNodes, isEdit: true },
    run: editor => {
      editor.clipboard('cut');
    }
  },
  {
    ...{ title: 'Paste', keys: [], menus: ['background'] },
    ...{ isFor: always, isEdit: true },
    run: editor => {
      editor.clipboard('paste');
    }
  },
  {
    ...{ title: 'Select all', keys: ['Mod+A'], menus: ['background'] },
    ...{ isFor: always, isEdit: false },
    run: editor => {
      editor.selectAll();
    }
  },
  {
    ...{ title: 'Find a node…', keys: ['Mod+F'], icon: icons.SEARCH, menus: ['background'] },
    ...{ isFor: always, isEdit: false },
    run: editor => {
      editor.find();
    }
  },
  {
    ...{ title: 'Save', keys: ['Mod+S'], menus: ['background'] },
    ...{ isFor: always, isEdit: true },
    run: editor => void editor.save()
  },
  {
    ...{ title: 'Undo', keys: ['Mod+Z'], icon: icons.UNDO, menus: ['background'] },
    ...{ isFor: always, isEdit: true },
    run: editor => void editor.edits.undo()
  },
  {
    ...{ title: 'Redo', keys: ['Mod+Shift+Z', 'Mod+Y'], icon: icons.REDO, menus: ['background'] },
    ...{ isFor: always, isEdit: true },
    run: editor => void editor.edits.redo()
  },
  {
    ...{ title: 'Arrange', keys: [], icon: icons.ARRANGE, menus: ['background'] },
    ...{ isFor: always, isEdit: true },
    run: editor => void editor.edits.arrange('layered')
  },
  ...Object.entries(ALIGNMENTS).map(([how, { title, needs }]): Command => ({
    ...{ title, keys: [], menus: ['nodes'] },
    ...{ isFor: ({ nodes }) => nodes.length >= needs, isEdit: true },
    run: (editor, { nodes }) => void editor.edits.align(nodes, how)
  })),
  ...Object.entries({
    'Alt+ArrowLeft': [-1, 0],
    'Alt+ArrowRight': [1, 0],
    'Alt+ArrowUp': [0, -1],
    'Alt+ArrowDown': [0, 1]
  }).map(([key, [dx = 0, dy = 0]]): Command => ({
    ...{ title: 'Move', keys: [key], menus: [] },
    ...{ isFor: someNodes, isEdit: true },
    run: (editor, { nodes }) => void editor.edits.nudge(nodes, dx * STRIDE, dy * STRIDE)
  })),
  {
    ...{ title: 'Delete', keys: ['Delete', 'Backspace'], icon: icons.BIN },
    ...{ menus: ['node', 'nodes', 'edge'], isFor: some, isEdit: true },
    run: (editor, { nodes, pairs }) => void editor.edits.remove(nodes, pairs)
  }
];

/** The keys that other commands have and that a clipboard event brings about by itself. */
const SHOWN: Record<string, string> = { Copy: 'Mod+C', Cut: 'Mod+X', Paste: 'Mod+V' };

/** The command of a key for what is selected; null when there is none. */
export function commandOf(key: string, target: Target): Command | null {
  return COMMANDS.find(one => one.keys.includes(key) && one.isFor(target)) ?? null;
}

/** The menu of a node, an edge, several of them, or the background. */
export function menuOf(editor: Editor, target: Target): MenuItem[] {
  const { nodes, pairs } = target;
  const about =
    nodes.length + pairs.length > 1
      ? 'nodes'
      : nodes.length
        ? 'node'
        : pairs.length
          ? 'edge'
          : 'background';
  return COMMANDS.filter(one => one.menus.includes(about) && one.isFor(target)).map(one => ({
    title: one.title,
    icon: one.icon,
    key: one.keys[0] ?? SHOWN[one.title],
    isDisabled: one.isEdit && !editor.isEditable,
    run: () => {
      one.run(editor, target);
    }
  }));
}
