import { describe, expect, it } from 'vitest';

import { aligned } from '../src/editor/aligning';
import { clipOf, pasting, readClip } from '../src/editor/clip';
import { commandOf } from '../src/editor/commands';
import type { NodeKind } from '../src/editor/host';
import { join } from '../src/editor/joining';
import { keyOf, shownKey } from '../src/editor/keys';
import { matches } from '../src/editor/matching';
import { Places } from '../src/editor/places';
import { freshId, labelling, named, protectedNodes, removal, stemOf } from '../src/editor/wire';
import { KernelHost, refusal } from '../src/kernelhost';
import type { WireWorkflow } from '../src/types';

const flow: WireWorkflow = {
  name: 'flow',
  nodes: [
    { id: 'start', type: 'start' },
    { id: 'route', type: 'router', data: { conditions: [{ label: 'yes' }, 'no'] } },
    { id: 'agent', type: 'agent' },
    { id: 'ask', type: 'human' },
    { id: 'end', type: 'end' }
  ],
  edges: [
    { id: 'e1', source: 'start', target: 'route' },
    { source: 'route', target: 'agent', label: 'yes' },
    { source: 'agent', target: 'end' },
    { source: 'route', target: 'agent', label: 'again' }
  ]
};

const FEEDS: Record<string, string[]> = { image: ['image', 'media'], text: ['text', 'context'] };
const port = (name: string, type: string, multiple = false) => ({
  ...{ name, type, multiple, feeds: FEEDS[type] ?? [type] },
  required: false
});
const kind = (
  type: string,
  inputs: NodeKind['inputs'],
  outputs: NodeKind['outputs']
): NodeKind => ({
  ...{ type, title: type, description: '', icon: '', color: '#000000', credits: 0 },
  ...{ is_trigger: false, inputs, outputs, schema: {} }
});
const KINDS = [
  kind('image', [port('prompt', 'text')], [port('picture', 'image')]),
  kind('blend', [port('a', 'image'), port('b', 'media')], [port('out', 'image')]),
  kind('text', [], [port('text', 'text')])
];
const canvas: WireWorkflow = {
  ...{ name: 'canvas', dialect: 'direct' },
  nodes: ['i image', 'j image', 'b blend', 't text'].map(text => {
    const [clientId, type = ''] = text.split(' ');
    return { clientId, type } as unknown as WireWorkflow['nodes'][number];
  }),
  edges: [{ source: 'i', sourcePort: 'picture', target: 'b', targetPort: 'a' }]
};

describe('ids', () => {
  it('are readable and never taken twice', () => {
    const taken = new Set(['agent']);
    expect([freshId('agent', taken), freshId('agent', taken)]).toEqual(['agent_2', 'agent_3']);
    expect(freshId('text-gen', taken)).toBe('text_gen');
    expect(freshId('⚒', taken)).toBe('node');
    expect([stemOf('agent_12'), stemOf('_1')]).toEqual(['agent', '_1']);
  });
});

describe('removing', () => {
  it('names edges by places that stand until their turn, and keeps the only start', () => {
    expect(
      removal(
        flow,
        ['end'],
        [
          ['start', 'route'],
          ['route', 'agent']
        ]
      )
    ).toEqual([
      { op: 'remove_edge', index: 3 },
      { op: 'remove_edge', index: 1 },
      { op: 'remove_edge', index: 0 },
      { op: 'remove_node', node_id: 'end' }
    ]);
    expect(protectedNodes(flow, ['start', 'end'])).toEqual(['start']);
    const two = { ...flow, nodes: [...flow.nodes, { id: 'other', type: 'start' }] };
    expect(protectedNodes(two, ['start'])).toEqual([]);
    expect(protectedNodes(two, ['start', 'other'])).toEqual(['start']);
    expect(protectedNodes(canvas, ['i'])).toEqual([]);
    expect(named(1, 2)).toBe('1 node and 2 edges');
  });
});

describe('joining', () => {
  it('says why not', () => {
    const why = (source: string, target: string) => join(flow, [], source, target).refused;
    expect(why('agent', 'start')).toContain('into a start');
    expect(why('end', 'agent')).toContain('follow an end');
    expect(why('agent', 'end')).toContain('already');
    expect(why('agent', 'agent')).toContain('itself');
    expect(why('agent', 'nobody')).toContain('gone');
    expect(why('ask', 'ask')).toBe(null);
  });

  it('gives an edge the first route that no other takes', () => {
    expect(join(flow, [], 'route', 'end').edge).toEqual({
      ...{ source: 'route', target: 'end' },
      label: 'no'
    });
    expect(join(flow, [], 'agent', 'ask').edge).toEqual({ source: 'agent', target: 'ask' });
  });

  it('finds the ports that fit and are free', () => {
    expect(join(canvas, KINDS, 'j', 'b').edge).toEqual({
      ...{ source: 'j', sourcePort: 'picture', target: 'b', targetPort: 'b' }
    });
    expect(join(canvas, KINDS, 't', 'b').refused).toBe(
      '“text” (text) cannot feed “a” (image) or “b” (media) of b.'
    );
    expect(join(canvas, KINDS, 'b', 't').refused).toBe('t takes nothing in.');
    const full = join(canvas, KINDS, 'i', 'b').edge;
    const both = { ...canvas, edges: [...canvas.edges, full ?? {}] };
    expect(join(both, KINDS, 'i', 'b').refused).toContain('already');
  });
});

describe('the clipboard', () => {
  const places: Record<string, { x: number; y: number }> = {
    ...{ route: { x: 0, y: 0 }, agent: { x: 200, y: 100 }, start: { x: -200, y: 0 } }
  };
  const clip = clipOf(flow, ['start', 'route', 'agent'], id => places[id] ?? { x: 0, y: 0 });

  it('brings back nodes under new ids with the edges among them, its middle at the pointer', () => {
    const read = readClip(JSON.stringify(clip));
    expect(read).toEqual(clip);
    const { changes, ids } = pasting(flow, read ?? (clip as never), { x: 1000, y: 500 });
    expect(ids).toEqual(['route_2', 'agent_2']); // a second start would not be valid
    expect(changes.map(change => change.op)).toEqual([
      ...['add_node', 'add_node', 'add_edge', 'add_edge']
    ]);
    expect((changes[1] as { node?: unknown }).node).toMatchObject({
      ...{ id: 'agent_2', position: { x: 1100, y: 550 } }
    });
    expect(changes[2]?.edge).toEqual({ source: 'route_2', target: 'agent_2', label: 'yes' });
  });

  it('is not fooled by other text', () => {
    for (const text of [
      '',
      'hello',
      'null',
      '{"nodes": []}',
      JSON.stringify({ ...clip, nodes: [1] })
    ]) {
      expect(readClip(text)).toBe(null);
    }
    expect(() => pasting(canvas, clip as never, { x: 0, y: 0 })).toThrow('other kind');
    const bare = { ...clip, nodes: [{ id: 'x', type: 'agent' }] };
    expect(pasting(flow, bare as never, { x: 5, y: 5 }).changes[0]?.node).toMatchObject({
      position: { x: 5, y: 5 }
    });
  });
});

describe('places', () => {
  it('finds the card at a point, also across the borders of squares', () => {
    const places = new Places([
      ...([
        ['a', { x: 0, y: 0 }],
        ['b', { x: 250, y: 0 }]
      ] as const),
      ...([['c', { x: 255, y: 255 }]] as const)
    ]);
    expect([places.at({ x: -95, y: 35 }), places.at({ x: 165, y: -20 })]).toEqual(['a', 'b']);
    expect([places.at({ x: 300, y: 280 }), places.at({ x: 125, y: 100 })]).toEqual(['c', null]);
  });

  it('are aligned and distributed', () => {
    const three = new Map([
      ...([
        ['a', { x: 0, y: 10 }],
        ['b', { x: 10, y: 0 }],
        ['c', { x: 100, y: 40 }]
      ] as const)
    ]);
    expect([...aligned(three, 'left').values()].map(place => place.x)).toEqual([0, 0, 0]);
    expect(aligned(three, 'across').get('b')).toEqual({ x: 50, y: 0 });
    expect([...aligned(three, 'middle').values()].map(place => place.y)).toEqual([20, 20, 20]);
    expect(aligned(three, 'down').get('a')).toEqual({ x: 0, y: 20 });
  });
});

describe('search', () => {
  it('finds by label, id and type, the label first', () => {
    const nodes = [
      { id: 'agent_7', label: 'Writer', type: 'agent', x: 0, y: 0 },
      { id: 'w', label: 'Agent smith', type: 'tool', x: 0, y: 0 }
    ];
    expect(matches(nodes, 'AGENT').map(node => node.id)).toEqual(['w', 'agent_7']);
    expect(matches(nodes, 'writer agent').map(node => node.id)).toEqual(['agent_7']);
    expect(matches(nodes, '  ')).toEqual([]);
  });
});

describe('keys', () => {
  const press = (key: string, more: KeyboardEventInit = {}) =>
    keyOf(new KeyboardEvent('keydown', { key, ...more }));

  it('have one name on all machines', () => {
    expect(press('z', { ctrlKey: true })).toBe('Mod+Z');
    expect(press('Z', { metaKey: true, shiftKey: true })).toBe('Mod+Shift+Z');
    expect(press('+', { shiftKey: true })).toBe('+');
    expect(press('F10', { shiftKey: true })).toBe('Shift+F10');
    expect([shownKey('Mod+Z', true), shownKey('Mod+Z', false)]).toEqual(['⌘Z', 'Ctrl+Z']);
  });

  it('do what the selection allows', () => {
    const one = { nodes: ['a'], pairs: [] };
    expect(commandOf('F2', one)?.title).toBe('Rename…');
    expect(commandOf('F2', { nodes: [], pairs: [['a', 'b']] })?.title).toBe('Edit label…');
    expect(commandOf('Backspace', one)?.title).toBe('Delete');
    expect(commandOf('Backspace', { nodes: [], pairs: [] })).toBe(null);
    expect(commandOf('Mod+Y', { nodes: [], pairs: [] })?.title).toBe('Redo');
  });
});

describe('labels of edges', () => {
  it('change one edge and can be taken away', () => {
    expect(labelling(flow, ['start', 'route'], 'go')).toEqual([
      {
        op: 'replace_edge',
        index: 0,
        edge: { id: 'e1', source: 'start', target: 'route', label: 'go' }
      }
    ]);
    const [change] = labelling(flow, ['route', 'agent'], '');
    expect(JSON.parse(JSON.stringify(change?.edge))).toEqual({ source: 'route', target: 'agent' });
    expect(() => labelling(flow, ['a', 'b'], 'x')).toThrow('gone');
  });
});

describe('the kernel', () => {
  const made = () => {
    const sent: Record<string, unknown>[] = [];
    const link = { isLive: () => true, settled: () => Promise.resolve() };
    const host = new KernelHost({
      ...link,
      send: message => sent.push(message),
      catalogue: () => [],
      findings: () => null
    });
    return { sent, host };
  };

  it('answers each request by its token', async () => {
    const { sent, host } = made();
    const [first, second] = [host.edit('Add', []), host.undo()];
    expect(sent.map(message => message.do)).toEqual(['edit', 'undo']);
    expect(host.hear({ done: 'of somebody else' })).toBe(false);
    expect(host.hear({ done: sent[1]?.token as string })).toBe(true);
    await second;
    const details = [{ field: 'changes[0].node.id', error: 'is required' }];
    host.hear({ failed: 'This edit cannot be made.', token: sent[0]?.token as string, details });
    await expect(first).rejects.toThrow('This edit cannot be made: node.id is required.');
    expect(refusal('No.', null)).toBe('No.');
  });

  it('hands on what was asked for', async () => {
    const { sent, host } = made();
    const asked = host.estimate('start');
    expect(sent[0]).toMatchObject({ do: 'estimate', trigger: 'start' });
    const value = { credits: 2, mayRepeat: false };
    host.hear({ done: sent[0]?.token as string, value });
    await expect(asked).resolves.toEqual(value);
  });

  it('leaves nobody waiting when it goes', async () => {
    const { host } = made();
    const asked = host.arrange('grid');
    host.close();
    await expect(asked).rejects.toThrow('run the cell again');
  });
});
