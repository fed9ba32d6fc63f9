// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';

import { curveOf } from '../src/curves';
import { clipOf, pasting, readClip } from '../src/editor/clip';
import { commandOf } from '../src/editor/commands';
import { grouping, groupsOf, isWhole, leaving, ungrouping } from '../src/editor/grouping';
import type { NodeKind } from '../src/editor/host';
import { join } from '../src/editor/joining';
import { edgesBetween, removal } from '../src/editor/wire';
import { ago } from '../src/inspector/versions';
import { coursesOf, nameOf, type Socket, socketsOf } from '../src/sockets';
import { StepList } from '../src/steps';
import type { Doc, DocGroup, WireWorkflow } from '../src/types';

const GROUPS: DocGroup[] = [
  { id: 'group', title: 'Group', nodes: ['a', 'b'] },
  { id: 'other', title: 'Checks', nodes: ['d'] }
];
const flow: WireWorkflow = {
  name: 'flow',
  nodes: ['start', 'a', 'b', 'c', 'd'].map(id => ({
    id,
    type: id === 'start' ? id : 'router'
  })),
  edges: [
    { source: 'a', target: 'b', label: 'yes' },
    { source: 'a', target: 'b', sourceHandle: 'no' },
    { source: 'a', target: 'c' }
  ]
};

describe('grouping', () => {
  it('makes a group with a title and an id of its own', () => {
    expect(grouping(GROUPS, ['b', 'c'])).toEqual({
      id: 'group_2',
      changes: [{ op: 'add_group', group: { id: 'group_2', title: 'Group 2', nodes: ['b', 'c'] } }]
    });
  });

  it('lets a group grow that lies among the nodes whole', () => {
    const { id, changes } = grouping(GROUPS, ['a', 'b', 'c']);
    const group = { id: 'group', title: 'Group', nodes: ['a', 'b', 'c'] };
    expect([id, changes]).toEqual(['group', [{ op: 'replace_group', group_id: 'group', group }]]);
    expect(grouping(GROUPS, ['b', 'a']).changes).toEqual([]);
    expect(grouping(GROUPS, ['a', 'b', 'd']).changes[0]?.op).toBe('add_group');
  });

  it('takes boxes away, and nodes out of them', () => {
    expect(ungrouping(GROUPS, ['b', 'c'])).toEqual([{ op: 'remove_group', group_id: 'group' }]);
    expect(leaving(GROUPS, ['b', 'd'])).toEqual([
      { op: 'replace_group', group_id: 'group', group: { ...GROUPS[0], nodes: ['a'] } },
      { op: 'remove_group', group_id: 'other' }
    ]);
    expect(groupsOf(GROUPS, ['c'])).toEqual([]);
    expect(isWhole({ id: 'g', title: 'G', nodes: ['a', 'b'] }, ['b', 'a'])).toBe(true);
  });

  it('has keys that mean what is selected', () => {
    const nodes = ['a', 'b'];
    const whole = { nodes, pairs: [], groups: GROUPS.slice(0, 1) };
    expect(commandOf('Mod+G', { nodes, pairs: [] })?.title).toBe('Group');
    expect(commandOf('Mod+G', { nodes: [], pairs: [] })?.title).toBe('Group');
    expect(commandOf('Mod+Shift+G', whole)?.title).toBe('Ungroup');
    expect(commandOf('Mod+Shift+G', { nodes, pairs: [] })).toBe(null);
    expect(commandOf('F2', whole)?.title).toBe('Rename group…');
    expect(commandOf('F2', { ...whole, nodes: ['a', 'b', 'c'] })).toBe(null);
  });
});

describe('copies of groups', () => {
  const clip = clipOf(flow, ['a', 'b', 'd'], () => ({ x: 0, y: 0 }), GROUPS);

  it('come with all their members, under new ids', () => {
    const { changes } = pasting(flow, clip ?? failed(), { x: 0, y: 0 }, GROUPS);
    expect(changes.filter(change => change.op === 'add_group')).toEqual([
      { op: 'add_group', group: { id: 'group_2', title: 'Group', nodes: ['a_2', 'b_2'] } },
      { op: 'add_group', group: { id: 'group_3', title: 'Checks', nodes: ['d_2'] } }
    ]);
  });

  it('are left out where a member is missing, or the clipboard is not ours', () => {
    expect(clipOf(flow, ['a'], () => ({ x: 0, y: 0 }), GROUPS)?.groups).toBeUndefined();
    expect(readClip(JSON.stringify(clip))).toEqual(clip);
    expect(readClip(JSON.stringify({ ...clip, groups: [{ title: 7 }] }))).toBe(null);
  });
});

describe('the list of steps', () => {
  const node = (id: string) => ({ id, label: id, type: 'agent', x: 0, y: 0 });
  const doc = { looks: {}, nodes: ['a', 'c', 'b', 'd'].map(node), groups: GROUPS };

  it('has groups as lists of their own, where their first member stands', () => {
    const chosen: string[][] = [];
    const list = new StepList(
      () => undefined,
      ids => chosen.push(ids)
    );
    list.setDoc(doc as unknown as Doc);
    expect([...list.node.children].map(item => item.textContent)).toEqual([
      'Group2●a●b',
      '●c',
      'Checks1●d'
    ]);
    const members = list.node.querySelector<HTMLElement>('.jp-bj-members');
    expect(members?.getAttribute('aria-label')).toBe('Group');
    list.node.querySelector<HTMLElement>('.jp-bj-grouped')?.click();
    expect(chosen).toEqual([['a', 'b']]);
    const fold = list.node.querySelector<HTMLElement>('.jp-bj-fold');
    fold?.click();
    expect([members?.hidden, fold?.getAttribute('aria-expanded')]).toEqual([true, 'false']);
  });
});

describe('sockets', () => {
  const router = socketsOf({ routes: ['yes', 'no', ''] }, {});
  const ports = {
    inputs: [{ name: 'prompt', type: 'text' }],
    outputs: [
      { name: 'picture', type: 'image' },
      { name: 'caption', type: 'text' }
    ]
  };

  it('stand below one another, about the middle of the card', () => {
    expect(router.map(one => [nameOf(one), one.y])).toEqual([
      ['yes', -18],
      ['no', 0],
      ['otherwise', 18]
    ]);
    const many = socketsOf({ routes: Array.from({ length: 24 }, (_, i) => String(i)) }, {});
    expect(Math.max(...many.map(one => Math.abs(one.y)))).toBeLessThan(30);
    expect(socketsOf({}, ports).map(one => `${one.side} ${one.name}`)).toEqual([
      'in prompt',
      'out picture',
      'out caption'
    ]);
    expect(socketsOf({}, {})).toEqual([]);
  });

  it('are where edges end: one course for each pair of them', () => {
    const at = (id: string): Socket[] => (id === 'r' ? router : []);
    const edge = { source: 'r', target: 'x', label: 'yes · no' };
    const both = coursesOf({ ...edge, sockets: [['yes', null], ['no', null]] }, at); // prettier-ignore
    expect(both.map(one => [one.label, one.from, one.to, one.way])).toEqual([
      ['yes', -18, null, ['yes', null]],
      ['no', 0, null, ['no', null]]
    ]);
    expect(new Set(both.map(one => one.id)).size).toBe(2);
    expect(coursesOf(edge, at)).toEqual([{ ...edge, id: 'e:["r","x"]', from: null, to: null }]);
    const [single] = coursesOf({ ...edge, sockets: [['', null]] }, at);
    expect([single?.label, single?.from, single?.way]).toEqual(['yes · no', 18, undefined]);
  });

  it('bend edges from the right side to the left one, whichever way they go', () => {
    const heights = { from: 18, to: -9 };
    expect(curveOf({ x: 0, y: 0 }, { x: 400, y: 0 }, heights)).toMatchObject({
      from: '90 18',
      to: '-95 -9'
    });
    expect(curveOf({ x: 0, y: 0 }, { x: -400, y: 0 }, heights).weights).toHaveLength(4);
    expect(curveOf({ x: 0, y: 0 }, { x: -400, y: 0 }).weights).toHaveLength(2);
  });

  it('tell one edge between two nodes from another', () => {
    expect(edgesBetween(flow, ['a', 'b'])).toEqual([0, 1]);
    expect(edgesBetween(flow, ['a', 'b', ['no', null]])).toEqual([1]);
    expect(edgesBetween(flow, ['a', 'c', ['', null]])).toEqual([2]);
    expect(edgesBetween(flow, ['a', 'b', ['gone', null]])).toEqual([0, 1]);
    expect(removal(flow, [], [['a', 'b', ['yes', null]]])).toEqual([
      { op: 'remove_edge', index: 0 }
    ]);
  });
});

describe('joining by sockets', () => {
  const port = (name: string, type: string, feeds?: string[]) => ({
    ...{ name, type, multiple: false, required: false },
    ...(feeds ? { feeds } : {})
  });
  const kind = (type: string, inputs: NodeKind['inputs'], outputs: NodeKind['outputs']) => ({
    ...{ type, title: type, description: '', icon: '', color: '#000000', credits: 0 },
    ...{ is_trigger: false, inputs, outputs, schema: {} }
  });
  const kinds = [
    kind('prompt', [], [port('text', 'text', ['text', 'context'])]),
    kind(
      'draw',
      [port('prompt', 'text'), port('style', 'image')],
      [port('out', 'image', ['image'])]
    )
  ];
  const canvas: WireWorkflow = {
    ...{ name: 'canvas', dialect: 'direct' },
    nodes: ['p prompt', 'd draw', 'e draw'].map(text => {
      const [clientId, type = ''] = text.split(' ');
      return { clientId, type } as unknown as WireWorkflow['nodes'][number];
    }),
    edges: []
  };

  it('takes the way out that was chosen, once', () => {
    expect(join(flow, [], 'a', 'd', { source: 'maybe' }).edge).toEqual({
      ...{ source: 'a', target: 'd', label: 'maybe' }
    });
    expect(join(flow, [], 'a', 'd', { source: '' }).edge).toEqual({ source: 'a', target: 'd' });
    expect(join(flow, [], 'a', 'b', { source: 'maybe' }).refused).toBe(null);
    expect(join(flow, [], 'a', 'b', { source: 'no' }).refused).toBe(
      '“no” of a leads to b already.'
    );
    expect(join(flow, [], 'a', 'c', { source: '' }).refused).toContain('“otherwise”');
  });

  it('names the ports that do not fit', () => {
    expect(join(canvas, kinds, 'p', 'd', { target: 'prompt' }).edge).toMatchObject({
      ...{ sourcePort: 'text', targetPort: 'prompt' }
    });
    expect(join(canvas, kinds, 'p', 'd', { source: 'text', target: 'style' }).refused).toBe(
      '“text” (text) cannot feed “style” (image) of d.'
    );
    expect(join(canvas, kinds, 'd', 'p').refused).toBe('p takes nothing in.');
    const fed = { ...canvas, edges: [{ source: 'd', sourcePort: 'out', target: 'e', targetPort: 'style' }] }; // prettier-ignore
    const three = { ...fed, nodes: [...fed.nodes, { clientId: 'f', type: 'draw' } as unknown as WireWorkflow['nodes'][number]] }; // prettier-ignore
    expect(join(three, kinds, 'f', 'e', { target: 'style' }).refused).toContain(
      '“style” of e is fed'
    );
  });
});

describe('versions', () => {
  it('say how long ago they were saved', () => {
    const now = Date.parse('2026-05-05T12:00:00Z');
    const at = (text: string) => ago(text, now);
    expect(at('2026-05-05T11:59:40Z')).toBe('just now');
    expect(at('2026-05-05T11:30:00Z')).toBe('30 minutes ago');
    expect(at('2026-05-05T07:00:00Z')).toBe('5 hours ago');
    expect(at('2026-05-04T11:00:00Z')).toBe('yesterday');
    expect(at('2026-03-01T11:00:00Z')).toBe('2 months ago');
  });
});

function failed(): never {
  throw new Error('nothing was copied');
}
