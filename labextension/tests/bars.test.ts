import { beforeEach, describe, expect, it } from 'vitest';

import { AnswerForm, questionOf, valueOf } from '../src/bars/answer';
import { type Row, Rows } from '../src/bars/rows';
import { factsOf, failedVisit } from '../src/bars/run-row';
import { content, copyName, found, isKnown, tagsOf } from '../src/bars/shelf';
import { element } from '../src/dom';
import { cellOf, notebookOf } from '../src/opening';
import { until } from '../src/text';
import type { ExecutionSummary, Picture, StepPicture, WorkflowSummary } from '../src/types';

const saved = (name: string, tags: string[] = [], version = 1): WorkflowSummary => ({
  ...{ id: `wf_${name}`, name, description: `About ${name}`, version },
  ...{ updated_at: `t${version}`, node_count: 2, tags }
});

const ran = (more: Partial<ExecutionSummary>): ExecutionSummary => ({
  ...{ executionId: 'e', canvasId: 'w', workflowName: 'W', status: 'completed' },
  ...{ triggerType: 'api', createdAt: 0, startedAt: 0, finishedAt: 2500, error: null, credits: 1 },
  ...more
});

const step = (stepId: string, status: StepPicture['status'], visit = 1): StepPicture => ({
  ...{ stepId, visit, status, attempt: 1, startedAt: null, finishedAt: null, credits: 0 },
  ...{ outputs: {}, text: null, usage: null, error: null, skipReason: null }
});

describe('the shelf of workflows', () => {
  const all = [saved('Refund letters', ['money', 'post']), saved('Invoices', ['money'])];

  it('is searched word by word in name, description and tags', () => {
    const names = (search: string, ...tags: string[]) =>
      found(all, search, new Set(tags)).map(one => one.name);
    expect(names('')).toEqual(['Refund letters', 'Invoices']);
    expect(names('LETTERS refund')).toEqual(['Refund letters']);
    expect(names('about invo')).toEqual(['Invoices']);
    expect(names('post')).toEqual(['Refund letters']);
    expect(names('', 'money')).toHaveLength(2);
    expect(names('', 'money', 'post')).toEqual(['Refund letters']);
    expect(names('invoices', 'post')).toEqual([]);
  });

  it('lists its tags, those of most workflows first', () => {
    expect(tagsOf(all)).toEqual(['money', 'post']);
    expect(tagsOf([])).toEqual([]);
  });

  it('sees on the first page whether anything has changed', () => {
    expect(isKnown([...all, saved('old')], all)).toBe(true);
    expect(isKnown(all, [saved('Refund letters', [], 2), ...all.slice(1)])).toBe(false);
    expect(isKnown(all, [saved('new'), ...all])).toBe(false);
  });

  it('names copies of copies', () => {
    expect(copyName('A', ['A'])).toBe('A copy');
    expect(copyName('A', ['A', 'A copy'])).toBe('A copy 2');
    expect(copyName('A copy', ['A', 'A copy', 'A copy 2'])).toBe('A copy 3');
  });

  it('writes a file without what the server keeps about a workflow', () => {
    const stored = {
      ...{ id: 'wf_1', version: 3, created_by: 'me', name: 'A', nodes: [], edges: [] },
      metadata: { tags: ['x'], deployed: true, deployed_at: 't', deployed_version: 2, own: 1 }
    };
    expect(content(stored)).toEqual({
      ...{ name: 'A', description: '', nodes: [], edges: [] },
      metadata: { tags: ['x'], own: 1 }
    });
  });

  it('makes cells of names with quotes in them', () => {
    expect(cellOf('a "b"\n').source).toBe(
      'import builder_jupyter as bj\n\nbj.Canvas("a \\"b\\"\\n")'
    );
    const book = JSON.stringify(notebookOf('wf_1', 'python3', 'Python 3', 'exec_1'));
    expect(book).toContain('canvas.show(\\"exec_1\\")\\ncanvas');
  });
});

describe('a run in short', () => {
  it('says how long it took, or has taken so far', () => {
    expect(factsOf(ran({}), 90_000).join(' · ')).toBe(
      'completed · 2.5 s · 1 credit · api · 1 min ago'
    );
    const live = ran({ status: 'running', finishedAt: null, credits: 0, triggerType: 'manual' });
    expect(factsOf(live, 4000).join(' · ')).toBe('running · 4.0 s · manual · just now');
    expect(factsOf(ran({ status: 'error', startedAt: null }), 0)[0]).toBe('failed');
  });

  it('knows the visit that failed', () => {
    const picture = { error: { message: '', stepId: 'b' } } as Picture;
    const steps = [step('a', 'error'), step('b', 'completed'), step('b', 'error', 2)];
    expect(failedVisit({ ...picture, steps })).toEqual({ stepId: 'b', visit: 2 });
    expect(failedVisit({ ...picture, error: null, steps: steps.slice(0, 1) })?.stepId).toBe('a');
    expect(failedVisit({ ...picture, steps: [step('a', 'skipped')] })).toBeNull();
  });

  it('counts down', () => {
    expect(until(30_000, 0)).toBe('30 s left');
    expect(until(90_000, 0)).toBe('1 min 30 s left');
    expect(until(3_660_000, 0)).toBe('1 h 1 min left');
    expect(until(0, 1)).toBe('time is up');
  });
});

describe('a question', () => {
  const schema = {
    type: 'object',
    properties: {
      amount: { type: 'integer' },
      note: { type: 'string', default: 'none' },
      urgent: { type: 'boolean' },
      team: { enum: ['billing', 2] },
      lines: { type: 'array', items: { type: 'string' } },
      extra: { type: ['null', 'object'] }
    },
    required: ['amount']
  };

  it('is answered by an option, a text or what its schema says', () => {
    expect(questionOf({ prompt: 'Go?', options: ['yes', 1] })).toMatchObject({
      ...{ prompt: 'Go?', options: ['yes', '1'], fields: [] }
    });
    expect(questionOf({}).fields).toMatchObject([{ name: '', kind: 'text', isRequired: true }]);
    const kinds = questionOf({ schema }).fields.map(field => [field.name, field.kind]);
    expect(kinds).toEqual([
      ...[
        ['amount', 'integer'],
        ['note', 'text'],
        ['urgent', 'boolean'],
        ['team', 'choice']
      ],
      ...[
        ['lines', 'list'],
        ['extra', 'json']
      ]
    ]);
    expect(questionOf({ schema: { type: 'number' } }).fields).toMatchObject([
      { name: '', kind: 'number' }
    ]);
  });

  it('refuses what is no answer and says where', () => {
    const { fields } = questionOf({ schema });
    const value = (name: string, text: string) => {
      const field = fields.find(one => one.name === name);
      return field && valueOf(field, text);
    };
    expect(value('amount', ' 7 ')).toBe(7);
    expect(() => value('amount', '7.5')).toThrow('Amount: this is not a whole number.');
    expect(() => value('amount', '')).toThrow('Amount: an answer is needed.');
    expect(value('note', '')).toBeUndefined();
    expect(value('team', '1')).toBe(2);
    expect(value('lines', 'a\n\n b ')).toEqual(['a', 'b']);
    expect(value('extra', '{"a": null}')).toEqual({ a: null });
    expect(() => value('extra', '{')).toThrow('Extra: this is not JSON.');
  });

  it('is filled in on a form', () => {
    const form = new AnswerForm(questionOf({ schema }).fields, () => undefined);
    document.body.replaceChildren(form.node);
    expect(() => form.answer()).toThrow('Amount');
    const amount = form.node.querySelector('input');
    expect(document.activeElement).toBe(amount);
    expect(amount?.getAttribute('aria-invalid')).toBe('true');
    if (amount) {
      amount.value = '3';
    }
    expect(form.answer()).toEqual({ amount: 3, note: 'none', urgent: false });
    expect(amount?.hasAttribute('aria-invalid')).toBe(false);
    const whole = new AnswerForm(
      questionOf({ schema: { type: 'boolean' } }).fields,
      () => undefined
    );
    expect(whole.answer()).toBe(false);
  });
});

describe('a list that is refreshed', () => {
  class Item implements Row<string> {
    readonly button = element('button', '', {});
    readonly node = element('li', '', {}, this.button);

    update(text: string): void {
      this.button.textContent = text;
    }
  }
  const rows = new Rows<string, Item>(
    'Letters',
    text => text,
    () => new Item()
  );
  const texts = () => [...rows.node.children].map(row => row.textContent);
  const focused = () => document.activeElement?.textContent;

  beforeEach(() => {
    document.body.replaceChildren(element('div', '', {}, rows.node));
  });

  it('keeps rows, their order and the focus', () => {
    rows.show(['a', 'b', 'c']);
    const b = rows.get('b');
    b?.button.focus();
    rows.show(['c', 'new', 'b', 'a']);
    expect(texts()).toEqual(['c', 'new', 'b', 'a']);
    expect(rows.get('b')).toBe(b);
    expect(focused()).toBe('b');
  });

  it('gives the focus to a neighbour when its row goes', () => {
    rows.show(['a', 'b', 'c']);
    rows.get('b')?.button.focus();
    rows.show(['a', 'c']);
    expect(focused()).toBe('c');
    rows.show(['a']);
    expect(focused()).toBe('a');
    expect(texts()).toEqual(['a']);
  });
});
