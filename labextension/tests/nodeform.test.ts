import { Signal } from '@lumino/signaling';
import { describe, expect, it } from 'vitest';

import type { Change, EditHost, Findings, NodeKind } from '../src/editor/host';
import { controlFor } from '../src/inspector/controls';
import { NodeForm } from '../src/inspector/nodeform';
import type { Doc } from '../src/types';
import { AGENT, DOC, finding, findings } from './inspected';

describe('rows', () => {
  const sources = { offers: () => [], words: () => Promise.resolve([]) };
  const field = (kind: 'conditions' | 'pairs') => ({ ...WORDLESS, kind });

  it('keep conditions of either spelling and what else they hold', () => {
    const given = ['billing', { label: 'a', pattern: 'x+', weight: 2 }];
    const control = controlFor(field('conditions'), sources);
    control.set(given);
    expect(control.get()).toEqual(given);
    const [, pattern] = control.node.querySelectorAll('input');
    type(pattern, 'bill|invoice');
    expect(control.get()).toEqual([{ label: 'billing', pattern: 'bill|invoice' }, given[1]]);
    type(pattern, '(');
    expect(control.node.querySelector('.jp-bj-fault')?.textContent).toContain('Not a pattern');
  });

  it('keep the types of arguments', () => {
    const given = { q: '{{state.query}}', n: 5, deep: { a: [true] } };
    const control = controlFor(field('pairs'), sources);
    control.set(given);
    expect(control.get()).toEqual(given);
    type(control.node.querySelector('input'), '');
    expect(() => control.get()).toThrow('no name');
  });
});

/** A host whose answers the test gives. */
class Host implements EditHost {
  readonly editable = true;
  readonly catalogue = [{ type: 'agent', schema: AGENT } as unknown as NodeKind];
  findings: Findings | null = null;
  readonly changed = new Signal<EditHost, void>(this);
  readonly asked: [string, Change[]][] = [];
  answers: (() => void)[] = [];
  refuses = '';

  edit(title: string, changes: Change[]): Promise<void> {
    this.asked.push([title, changes]);
    return this.refuses
      ? Promise.reject(new Error(this.refuses))
      : new Promise(resolve => {
          this.answers.push(resolve);
        });
  }
  undo = () => Promise.resolve();
  redo = () => Promise.resolve();
  arrange = () => Promise.resolve();
  judge = () => undefined;
}

describe('the form of a node', () => {
  const withPrompt = (prompt: string): Doc => ({
    ...DOC,
    document: {
      ...DOC.document,
      nodes: [{ id: 'look', type: 'agent', data: { prompt, mystery: { a: 1 } } }]
    }
  });
  const boxOf = (form: NodeForm, name: string): HTMLInputElement | null =>
    form.node.querySelector(`[data-field="${name}"] :is(input, textarea)`);

  it('edits a field once, keeps what is typed meanwhile, and follows the document', async () => {
    const host = new Host();
    const form = new NodeForm(host, { mend: () => undefined, words: () => Promise.resolve([]) });
    form.update(withPrompt('p'), 'look');
    const box = boxOf(form, 'prompt');
    type(box, 'better');
    form.update(withPrompt('p'), 'look');
    expect(box?.value).toBe('better');
    box?.dispatchEvent(new Event('change'));
    box?.dispatchEvent(new Event('blur'));
    expect(host.asked).toEqual([
      [
        'Change system prompt of LOOK',
        [{ op: 'set_data', node_id: 'look', field: 'prompt', value: 'better' }]
      ]
    ]);
    form.update(withPrompt('better'), 'look');
    host.answers[0]?.();
    await Promise.resolve();
    form.update(withPrompt('undone'), 'look');
    expect(box?.value).toBe('undone');
    expect(boxOf(form, 'mystery')?.value).toContain('"a": 1');
  });

  it('takes empty fields out and says why an edit was refused', async () => {
    const host = new Host();
    host.refuses = 'No such luck.';
    const form = new NodeForm(host, { mend: () => undefined, words: () => Promise.resolve([]) });
    form.update(withPrompt('p'), 'look');
    const box = boxOf(form, 'prompt');
    type(box, '');
    box?.dispatchEvent(new Event('change'));
    expect(host.asked[0]?.[1]).toEqual([{ op: 'set_data', node_id: 'look', field: 'prompt' }]);
    await new Promise(resolve => setTimeout(resolve));
    const row = form.node.querySelector('[data-field="prompt"]');
    expect(row?.querySelector('.jp-bj-fault')?.textContent).toBe('No such luck.');
    expect(box?.value).toBe('');
    type(box, 'p');
    box?.dispatchEvent(new Event('change'));
    expect(row?.querySelector<HTMLElement>('.jp-bj-fault')?.hidden).toBe(true);
    expect(host.asked).toHaveLength(1);
  });

  it('ties labels, help and findings to their boxes', () => {
    const host = new Host();
    host.findings = findings([finding('EMPTY_PROMPT', 'look')]);
    const form = new NodeForm(host, { mend: () => undefined, words: () => Promise.resolve([]) });
    form.update(withPrompt(''), 'look');
    const box = boxOf(form, 'prompt');
    expect(form.node.querySelector(`label[for="${box?.id ?? ''}"]`)?.textContent).toBe(
      'System prompt'
    );
    expect(box?.getAttribute('aria-invalid')).toBe('true');
    const described = (box?.getAttribute('aria-describedby') ?? '')
      .split(' ')
      .map(id => form.node.querySelector(`[id="${id}"]`)?.textContent)
      .join('');
    expect(described).toContain('EMPTY_PROMPT at look');
  });
});

const WORDLESS = {
  ...{ name: 'x', label: 'X', help: '', suggest: '', isOptional: true, default: undefined },
  ...{ choices: [], least: null, most: null, isAbove: false }
};

function type(box: HTMLInputElement | null | undefined, text: string): void {
  if (!box) {
    throw new Error('there is no box');
  }
  box.value = text;
  box.dispatchEvent(new Event('input', { bubbles: true }));
}
