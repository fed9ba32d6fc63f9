import { describe, expect, it } from 'vitest';

import { Run } from '../src/run';
import type { Header, Picture, RunEvent, StepPicture } from '../src/types';

const token = (seq: number, offset: number, text: string): RunEvent => ({
  ...{ seq, at: seq, kind: 'token', status: 'streaming', stepId: 'a', visit: 1 },
  ...{ offset, text }
});

const step = (seq: number, status: string, more: Partial<RunEvent> = {}): RunEvent => ({
  ...{ seq, at: seq, kind: 'step', status, stepId: 'a', visit: 1 },
  ...more
});

const row = (more: Partial<StepPicture>): StepPicture => ({
  ...{ stepId: 'a', visit: 1, status: 'pending', attempt: 0, startedAt: null, finishedAt: null },
  ...{ credits: 0, outputs: {}, text: null, usage: null, error: null, skipReason: null },
  ...more
});

const picture = (steps: StepPicture[], more: Partial<Picture> = {}): Picture => ({
  ...{ executionId: 'e', canvasId: 'w', status: 'running', createdAt: 0, startedAt: 1 },
  ...{ finishedAt: null, error: null, inputs: {}, steps, output: null },
  ...{ credits: { charged: 0, refunded: 0 } },
  ...more
});

const header = (more: Partial<Header> = {}): Header => ({
  ...{ id: 'e', status: 'running', createdAt: 0, startedAt: 1, finishedAt: null, credits: 0 },
  ...{ error: null, inputs: {}, steps: 1, seq: 0 },
  ...more
});

describe('a run made of events', () => {
  it('follows a step to its end, with text, tokens and price', () => {
    const run = new Run('e', () => 2);
    const usage = { model: 'm', inputTokens: 3, outputTokens: 4 };
    run.apply([step(1, 'running', { attempt: 1 }), token(2, 0, 'Hel'), token(3, 3, 'lo')]);
    expect(run.steps.get('a')).toMatchObject({ status: 'streaming', text: 'Hello', startedAt: 1 });
    run.apply([
      step(4, 'completed', { outputs: { out: { type: 'text', value: 'Hello.' } }, usage })
    ]);
    expect(run.steps.get('a')).toMatchObject({ status: 'completed', text: 'Hello.', usage });
    expect(run.credits).toBe(2);
    expect(run.done).toBe(1);
  });

  it('takes every event once, however often it comes', () => {
    const run = new Run('e');
    const events = [step(1, 'running'), token(2, 0, 'ab'), token(3, 2, 'cd')];
    run.apply(events);
    expect(run.apply(events).size).toBe(0);
    expect(run.steps.get('a')?.text).toBe('abcd');
  });

  it('notices lost text and is healed by the picture', () => {
    const run = new Run('e');
    run.apply([token(5, 10, 'tail')]);
    expect(run.hasGap).toBe(true);
    expect(run.steps.get('a')).toMatchObject({ text: 'tail', missing: 10 });
    run.take(picture([row({ status: 'streaming', text: '0123456789tail' })]));
    expect(run.hasGap).toBe(false);
    expect(run.steps.get('a')).toMatchObject({ text: '0123456789tail', missing: 0 });
  });

  it('keeps what a picture knows before the events say it', () => {
    const run = new Run('e');
    run.apply([token(2, 0, 'one ')]);
    run.take(picture([row({ status: 'streaming', attempt: 1, text: 'one two three ' })]));
    run.apply([token(3, 4, 'two ')]);
    expect(run.steps.get('a')?.text).toBe('one two three ');
    run.merge(header(), { a: { status: 'streaming', seq: 4, text: 'one two ', offset: 0 } });
    expect(run.steps.get('a')?.text).toBe('one two three ');
    run.apply([token(5, 8, 'three four')]);
    expect(run.steps.get('a')?.text).toBe('one two three four');
    run.apply([token(6, 4, 'too')]);
    expect(run.steps.get('a')?.text).toBe('one too');
  });

  it('does not go back to what a picture or Python was past already', () => {
    const run = new Run('e');
    const statuses = (events: RunEvent[]) =>
      events.map(event => {
        run.apply([event]);
        return run.steps.get('a')?.status;
      });
    run.take(picture([row({ status: 'streaming', attempt: 1, text: 'one two ' })]));
    expect(statuses([step(1, 'running', { attempt: 1 }), token(2, 0, 'one ')])).toEqual([
      'streaming',
      'streaming'
    ]);
    run.merge(header(), { a: { status: 'waiting', seq: 9 } });
    expect(statuses([step(3, 'pending'), step(4, 'running', { attempt: 2 })])).toEqual([
      'waiting',
      'waiting'
    ]);
    run.take(picture([row({ status: 'completed', attempt: 2, text: 'three' })]));
    expect(statuses([token(10, 0, 'th'), step(11, 'running', { attempt: 2 })])).toEqual([
      'completed',
      'completed'
    ]);
    const outputs = { out: { type: 'text', value: 'three.' } };
    expect(statuses([step(12, 'completed', { outputs })])).toEqual(['completed']);
    expect(run.steps.get('a')?.text).toBe('three.');
    run.take(picture([row({ status: 'running', visit: 2 })]));
    expect(statuses([step(13, 'error'), step(14, 'completed', { visit: 2 })])).toEqual([
      'running',
      'completed'
    ]);
  });

  it('starts the text afresh with another attempt and another visit', () => {
    const run = new Run('e');
    run.apply([step(1, 'running', { attempt: 1 }), token(2, 0, 'old')]);
    run.apply([step(3, 'running', { attempt: 2 })]);
    expect(run.steps.get('a')?.text).toBe('');
    run.apply([step(4, 'running', { visit: 2, attempt: 1 })]);
    expect(run.steps.get('a')).toMatchObject({ visit: 2, status: 'running' });
  });
});

describe('a picture beside the events', () => {
  it('does not undo what has been heard since', () => {
    const run = new Run('e');
    run.apply([step(1, 'running'), token(2, 0, 'longer text')]);
    run.take(picture([row({ status: 'running', text: 'long' })]));
    expect(run.steps.get('a')).toMatchObject({ status: 'streaming', text: 'longer text' });
    run.apply([{ seq: 3, at: 3, kind: 'status', status: 'completed' }]);
    run.take(picture([row({ status: 'running' })]));
    expect(run.isOver).toBe(true);
  });

  it('knows what the run has cost in the end', () => {
    const run = new Run('e', () => 9);
    run.take(
      picture([row({ status: 'completed', credits: 1 })], {
        status: 'completed',
        credits: { charged: 3, refunded: 1 }
      })
    );
    expect(run.credits).toBe(2);
  });
});

describe('what Python sends', () => {
  it('is taken in where it is newer', () => {
    const run = new Run('e');
    run.apply([step(4, 'completed')]);
    expect(run.merge(header(), { a: { status: 'running', seq: 2 } }).size).toBe(0);
    expect(run.merge(header(), { a: { status: 'completed', seq: 4.5, credits: 1 } }).size).toBe(1);
    expect(run.steps.get('a')).toMatchObject({ status: 'completed', credits: 1 });
  });

  it('heals when a message was lost: every one carries the end of the text', () => {
    const run = new Run('e');
    run.merge(header(), { a: { status: 'streaming', seq: 1, text: 'abc', offset: 0 } });
    run.merge(header(), { a: { status: 'streaming', seq: 9, text: 'cdef', offset: 2 } });
    expect(run.steps.get('a')).toMatchObject({ text: 'abcdef', missing: 0 });
    run.merge(header(), { a: { status: 'streaming', seq: 20, text: 'xyz', offset: 100 } });
    expect(run.steps.get('a')).toMatchObject({ text: 'xyz', missing: 100 });
    run.merge(header(), { a: { status: 'completed', seq: 21, text: 'whole', offset: 0 } });
    expect(run.steps.get('a')).toMatchObject({ text: 'whole', missing: 0 });
  });
});
