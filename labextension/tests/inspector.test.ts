import { describe, expect, it } from 'vitest';

import type { Finding } from '../src/editor/host';
import { answerOf, questionOf } from '../src/inspector/answer';
import { broken, indented } from '../src/inspector/code';
import { controlFor } from '../src/inspector/controls';
import { edgesBetween, routesFrom } from '../src/inspector/edgeform';
import { fieldsOf } from '../src/inspector/fields';
import { byField, counted, worst } from '../src/inspector/judged';
import { accepted, fitting, offersAt, spotIn } from '../src/inspector/names';
import { patternFault } from '../src/inspector/patterns';
import { Run } from '../src/run';
import type { Picture } from '../src/types';
import { AGENT, DOC, finding, findings } from './inspected';

describe('the fields of a form', () => {
  const fields = fieldsOf(AGENT, { mystery: { a: 1 }, tools: 'not a list' });
  const of = (name: string) => fields.find(field => field.name === name);

  it('come from the schema, with bounds, choices and words', () => {
    expect(fields.map(field => [field.name, field.kind])).toEqual([
      ['name', 'line'],
      ['prompt', 'prompt'],
      ['model', 'line'],
      ['tools', 'json'],
      ['temperature', 'number'],
      ['mode', 'choice'],
      ['timeout', 'number'],
      ['mystery', 'json']
    ]);
    expect(of('prompt')?.label).toBe('System prompt');
    expect(of('model')).toMatchObject({ isOptional: true, suggest: 'models', label: 'Model' });
    expect(of('temperature')).toMatchObject({ least: 0, most: 2, isAbove: false });
    expect(of('timeout')).toMatchObject({ least: 0, isAbove: true });
    expect(of('mode')).toMatchObject({ choices: ['fast', 'slow'], default: 'fast' });
  });

  it('take values that fit their form, others as JSON', () => {
    const kind = (tools: unknown) => fieldsOf(AGENT, { tools })[3]?.kind;
    expect([kind(['a']), kind(undefined), kind([1]), kind({})]).toEqual([
      'texts',
      'texts',
      'json',
      'json'
    ]);
  });

  it('refuse numbers beyond their bounds and what is no JSON', () => {
    const sources = { offers: () => [], words: () => Promise.resolve([]) };
    const enter = (name: string, text: string): unknown => {
      const field = of(name);
      if (!field) {
        throw new Error(name);
      }
      const control = controlFor(field, sources);
      (control.target as HTMLInputElement).value = text;
      return control.get();
    };
    expect(enter('temperature', '0.5')).toBe(0.5);
    expect(enter('temperature', '')).toBe(undefined);
    expect(() => enter('temperature', '3')).toThrow('at most 2');
    expect(() => enter('timeout', '0')).toThrow('more than 0');
    expect(enter('mystery', '{"b": [1]}')).toEqual({ b: [1] });
    expect(() => enter('mystery', '{')).toThrow('not JSON');
  });
});

describe('patterns', () => {
  it('are looked at as RE2 and Python read them', () => {
    expect(['a|b', '(?i)x', '(?P<n>a)', '\\\\1', ''].map(patternFault)).toEqual([
      '',
      '',
      '',
      '',
      ''
    ]);
    expect(patternFault('(?=a)')).toContain('Look-around');
    expect(patternFault('(a)\\1')).toContain('Back references');
    expect(patternFault('a(')).toContain('Not a pattern');
  });
});

describe('names', () => {
  it('are those of the nodes before, the inputs and the conversation', () => {
    expect(offersAt(DOC, 'end').map(offer => offer.path)).toEqual([
      'state.results.look_up',
      'state.query',
      'state.messages[-1]'
    ]);
    expect(offersAt(DOC, 'start').map(offer => offer.path)).toEqual([
      'state.query',
      'state.messages[-1]'
    ]);
  });

  it('are offered behind braces and put where the cursor is', () => {
    const text = 'about {{sta and more';
    const spot = spotIn(text, 11, true);
    expect(spot).toEqual({ start: 8, typed: 'sta' });
    expect(spotIn('no braces', 4, true)).toBe(null);
    expect(spotIn('state.m', 7, false)).toEqual({ start: 0, typed: 'state.m' });
    expect(fitting(offersAt(DOC, 'end'), 'LOOK')[0]?.path).toBe('state.results.look_up');
    if (spot) {
      expect(accepted(text, spot, 'state.query', true)).toEqual({
        text: 'about {{state.query}} and more',
        cursor: 21
      });
    }
    expect(accepted('{{s}}', { start: 2, typed: 's' }, 'state.query', true).text).toBe(
      '{{state.query}}'
    );
  });
});

describe('findings', () => {
  it('stand under the field they are about', () => {
    const odd: Finding = {
      ...finding('SOMETHING_NEW', 'look'),
      fixes: [{ title: 'x', changes: [{ op: 'set_data', node_id: 'look', field: 'model' }] }]
    };
    const said = findings(
      [finding('EMPTY_PROMPT', 'look'), odd, finding('ORPHAN_NODE', 'look')],
      [finding('DEAD_END', 'aside', 'warning'), finding('DEAD_END', 'look', 'warning')]
    );
    const found = byField(said, 'look', ['prompt', 'model']);
    expect([...found].map(([name, list]) => [name, list.map(one => one.type)])).toEqual([
      ['prompt', ['EMPTY_PROMPT']],
      ['model', ['SOMETHING_NEW']],
      ['', ['ORPHAN_NODE', 'DEAD_END']]
    ]);
    expect([...worst(said)]).toEqual([
      ['look', 'error'],
      ['aside', 'warning']
    ]);
    expect(counted(said)).toBe('3 errors, 2 warnings');
    expect(counted(findings([]))).toBe('No problems');
  });
});

describe('edges', () => {
  it('are found in the file, with the ways out of their source', () => {
    expect(edgesBetween(DOC, 'route', 'look').map(one => one.index)).toEqual([1, 2]);
    expect(routesFrom(DOC, 'route')).toEqual(['again', 'done', 'else']);
  });
});

describe('code', () => {
  it('is indented line by line, and goes on as far in', () => {
    const box = (value: string, from: number, to = from) => ({
      ...{ value, selectionStart: from, selectionEnd: to }
    });
    const apply = (value: string, edit: { from: number; to: number; text: string }) =>
      value.slice(0, edit.from) + edit.text + value.slice(edit.to);
    expect(apply('ab', indented(box('ab', 2), false))).toBe('ab  ');
    expect(apply('a\nb', indented(box('a\nb', 0, 3), false))).toBe('    a\n    b');
    expect(apply('    a\n  b', indented(box('    a\n  b', 0, 9), true))).toBe('a\nb');
    expect(broken(box('  if x:', 7)).text).toBe('\n      ');
    expect(broken(box('  y', 3)).text).toBe('\n  ');
  });
});

describe('questions', () => {
  it('are asked as the request says', () => {
    expect(questionOf({ prompt: 'Ok?', options: ['yes', 'no'] })).toMatchObject({
      options: ['yes', 'no'],
      fields: []
    });
    const text = questionOf({ prompt: 'Why?' });
    expect(answerOf(text, new Map([['answer', 'because']]))).toBe('because');
    const schema = {
      type: 'object',
      required: ['count'],
      properties: { note: { type: 'string' }, count: { type: 'integer' } }
    };
    const form = questionOf({ schema });
    expect(form.fields.map(one => one.name)).toEqual(['count', 'note']);
    expect(
      answerOf(
        form,
        new Map<string, unknown>([
          ['count', 3],
          ['note', '']
        ])
      )
    ).toEqual({
      count: 3
    });
    expect(() => answerOf(form, new Map())).toThrow('Count is required');
  });

  it('come with the events and the picture of a run', () => {
    const run = new Run('exec_1');
    const asked = { kind: 'waitpoint' as const, status: 'waiting', stepId: 'h', visit: 1 };
    run.apply([
      {
        ...asked,
        ...{ seq: 1, at: 5, waitpointId: 'wp_1', waitsFor: 'human' },
        ...{ request: { prompt: 'Ok?' }, deadlineAt: 99 }
      }
    ]);
    expect(run.steps.get('h')?.waitpoint).toMatchObject({ waitpointId: 'wp_1', deadlineAt: 99 });
    run.apply([{ ...asked, seq: 2, at: 6, waitpointId: 'wp_1', ended: 'answered' }]);
    expect(run.steps.get('h')?.waitpoint).toBe(null);
    const picture = {
      ...{ executionId: 'exec_1', canvasId: 'c', status: 'waiting', createdAt: 1, startedAt: 1 },
      ...{ finishedAt: null, error: null, inputs: {}, output: null },
      credits: { charged: 0, refunded: 0 },
      steps: [
        {
          ...{ stepId: 'h', visit: 1, status: 'waiting', attempt: 1, startedAt: 1 },
          ...{ finishedAt: null, credits: 0, outputs: {}, text: null, usage: null, error: null },
          ...{ skipReason: null, display: [{ 'text/plain': 'shown' }] }
        }
      ],
      waitpoints: [
        {
          ...{ waitpointId: 'wp_2', stepId: 'h', visit: 1, kind: 'human', request: {} },
          deadlineAt: null
        }
      ]
    };
    run.take(picture as unknown as Picture);
    expect(run.steps.get('h')?.waitpoint?.waitpointId).toBe('wp_2');
    expect(run.steps.get('h')?.display).toEqual([{ 'text/plain': 'shown' }]);
  });
});
