/** What the tests of the inspector are about. */
import type { Finding, Findings } from '../src/editor/host';
import type { Doc } from '../src/types';

export const AGENT = {
  properties: {
    name: { type: 'string', title: 'Name' },
    prompt: { type: 'string', default: '', title: 'System prompt', 'x-form': 'prompt' },
    model: { anyOf: [{ type: 'string' }, { type: 'null' }], default: null, 'x-suggest': 'models' },
    tools: { type: 'array', items: { type: 'string' }, default: [], 'x-suggest': 'tools' },
    temperature: {
      anyOf: [{ type: 'number', maximum: 2 }, { type: 'null' }],
      default: null,
      minimum: 0
    },
    mode: { $ref: '#/$defs/Mode', default: 'fast' },
    timeout: { anyOf: [{ type: 'number', exclusiveMinimum: 0 }, { type: 'null' }] }
  },
  $defs: { Mode: { enum: ['fast', 'slow'], type: 'string' } }
};

export const DOC: Doc = {
  ...{ version: 1, name: 'w', workflowId: null, looks: {}, triggers: [] },
  nodes: ['start', 'look', 'aside', 'route', 'end'].map((id, i) => ({
    ...{ id, label: id.toUpperCase(), type: id === 'route' ? 'router' : 'agent', x: i, y: 0 },
    ...(id === 'route' ? { routes: ['again', 'done', 'else', ''] } : {})
  })),
  edges: [
    { source: 'start', target: 'look', label: '' },
    { source: 'start', target: 'aside', label: '' },
    { source: 'look', target: 'route', label: '' },
    { source: 'route', target: 'look', label: 'again' },
    { source: 'route', target: 'end', label: 'done' }
  ],
  names: { inputs: ['query'], results: { look: 'look_up', aside: 'aside' } },
  document: {
    name: 'w',
    nodes: [
      { id: 'look', type: 'agent', data: { prompt: 'p', mystery: { a: 1 } } },
      {
        id: 'route',
        type: 'router',
        data: { conditions: ['again', { label: 'done', pattern: 'ok' }], default: 'else' }
      }
    ],
    edges: [
      { source: 'start', target: 'look' },
      { source: 'route', target: 'look', label: 'again' },
      { source: 'route', target: 'look', condition: 'more' }
    ]
  }
};

export function finding(
  type: string,
  nodeId: string,
  severity: Finding['severity'] = 'error'
): Finding {
  return { type, message: `${type} at ${nodeId}`, severity, node_id: nodeId };
}

export function findings(errors: Finding[], warnings: Finding[] = []): Findings {
  return { valid: !errors.length, errors, warnings };
}
