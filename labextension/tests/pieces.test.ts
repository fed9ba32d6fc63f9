import { describe, expect, it } from 'vitest';

import { captionOf, cardArt, lookOf } from '../src/card';
import { curveOf } from '../src/curves';
import { InputForm } from '../src/form';
import { fileName, notebookOf } from '../src/opening';
import { sameContent } from '../src/server';
import { duration } from '../src/text';

const theme = {
  ...{ card: '#fff', text: '#000', dim: '#555', line: '#ccc', accent: '#00f' },
  ...{ font: 'sans-serif', isDark: false, isStill: true }
};

describe('cards', () => {
  it('say nothing twice and survive hostile looks', () => {
    const look = { color: 'url(x)', icon: '<b', title: 'Start', credits: 0 };
    expect(captionOf('start', look, null)).toBe('');
    expect(captionOf('Hello', look, 'running')).toBe('Start · running');
    const svg = decodeURIComponent(cardArt(look, '"><script>', 'error', theme).split(',')[1] ?? '');
    expect(svg).not.toContain('<script>');
    expect(svg).not.toContain('url(x)');
    expect(new DOMParser().parseFromString(svg, 'image/svg+xml').querySelector('parsererror')).toBe(
      null
    );
  });

  it('are shared by all nodes that look alike', () => {
    const look = lookOf({}, 'mystery');
    expect(look.title).toBe('mystery');
    expect(cardArt(look, 'a', null, theme)).toBe(cardArt(look, 'a', null, theme));
    expect(cardArt(look, 'a', 'error', theme)).not.toBe(cardArt(look, 'a', 'completed', theme));
  });
});

describe('edges', () => {
  it('run straight between neighbours and bend around backwards', () => {
    expect(curveOf({ x: 0, y: 0 }, { x: 300, y: 0 }).distances).toEqual([0, 0]);
    const back = curveOf({ x: 300, y: 0 }, { x: 0, y: 0 });
    expect(back.from).toBe('28 30');
    expect(back.distances.every(distance => Number.isFinite(distance) && distance !== 0)).toBe(
      true
    );
    expect(curveOf({ x: 5, y: 5 }, { x: 5, y: 5 }).weights.every(Number.isFinite)).toBe(true);
  });
});

describe('the form of inputs', () => {
  const trigger = (node: string, value = '') => ({
    ...{ node, label: node },
    fields: [
      { name: 'message', label: 'Message', kind: 'text' as const, value },
      { name: '*', label: 'More', kind: 'json' as const, value: '' }
    ]
  });

  it('gives values, leaves empty ones out and merges JSON', () => {
    const form = new InputForm(
      () => undefined,
      () => undefined
    );
    form.setTriggers([trigger('start', 'hello')]);
    expect(form.trigger).toBe('start');
    expect(form.values()).toEqual({ message: 'hello' });
    const [, more] = form.node.querySelectorAll('textarea');
    if (more) {
      more.value = '{"n": 1}';
    }
    expect(form.values()).toEqual({ message: 'hello', n: 1 });
    if (more) {
      more.value = '[1]';
    }
    expect(() => form.values()).toThrow('not a JSON object');
  });

  it('keeps what was typed when the graph changes', () => {
    const form = new InputForm(
      () => undefined,
      () => undefined
    );
    form.setTriggers([trigger('start')]);
    const input = form.node.querySelector('textarea');
    if (input) {
      input.value = 'typed';
    }
    form.node.dispatchEvent(new Event('input'));
    form.setTriggers([trigger('start'), trigger('other')]);
    expect(form.values()).toEqual({ message: 'typed' });
    expect(form.node.querySelectorAll('option')).toHaveLength(2);
  });
});

describe('small things', () => {
  it('compare workflows as the server keeps them', () => {
    const sent = { name: 'a', nodes: [{ id: 'x', type: 'start' }], edges: [], metadata: { k: 1 } };
    const kept = { ...sent, description: '', metadata: { tags: [], deployed: false, k: 1 } };
    expect(sameContent(kept, sent)).toBe(true);
    expect(sameContent({ ...kept, name: 'b' }, sent)).toBe(false);
  });

  it('make names of files and notebooks', () => {
    expect(fileName('../a/b: "c"')).toBe('a b c');
    expect(fileName('///')).toBe('Workflow');
    expect(JSON.stringify(notebookOf('wf_"1', 'python3', 'Python 3'))).toContain('wf_');
  });

  it('write durations', () => {
    expect([duration(1234), duration(61_000), duration(-5)]).toEqual([
      '1.2 s',
      '1 min 1 s',
      '0.0 s'
    ]);
  });
});
