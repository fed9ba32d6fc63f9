/** The steps of a run as a list: the graph in words, for the keyboard and for screen readers too. */
import { lookOf, tile } from './card';
import { drawing, element, OWN_KEYS, setText } from './dom';
import { badge, MARKS } from './marks';
import type { Run, Step } from './run';
import { duration } from './text';
import type { Doc, StepStatus } from './types';

const MOST = 300;

interface Row {
  node: HTMLButtonElement;
  mark: HTMLElement;
  name: HTMLElement;
  note: HTMLElement;
  tail: HTMLElement;
  /** What stands in the place of the mark before a run: the icon of the type. */
  plain: string;
  status: StepStatus | null;
}

/** A list of steps, in the order of the workflow. */
export class StepList {
  readonly node = element('div', 'jp-bj-steps', { role: 'list' });

  constructor(private readonly select: (nodeId: string) => void) {}

  /** Whether there is nothing in it. */
  get isEmpty(): boolean {
    return this.rows.size === 0;
  }

  /** List the nodes of a graph; of a very large one, the first. */
  setDoc(doc: Doc): void {
    const ids = doc.nodes.slice(0, MOST).map(node => [node.id, node.label, node.type] as const);
    if (JSON.stringify(ids) === this.listed) {
      return;
    }
    this.listed = JSON.stringify(ids);
    this.rows.clear();
    this.node.replaceChildren(
      ...ids.map(([id, label, type]) => {
        const row = this.rowOf(id, label, tile(lookOf(doc.looks, type), 16));
        this.rows.set(id, row);
        return element('div', '', { role: 'listitem' }, row.node);
      })
    );
  }

  /** Show how the steps stand. */
  update(run: Run | null): void {
    for (const [id, row] of this.rows) {
      const step = run?.steps.get(id);
      const status = step?.status ?? (run?.id ? 'pending' : null);
      if (row.status !== status) {
        row.status = status;
        row.mark.replaceChildren(drawing(status ? badge(MARKS[status], 16) : row.plain));
        row.node.dataset.status = status ?? '';
      }
      setText(row.note, noteOf(step, status));
      setText(row.tail, tailOf(step));
      row.tail.hidden = !row.tail.textContent;
    }
  }

  private listed = '';
  private readonly rows = new Map<string, Row>();

  private rowOf(id: string, label: string, plain: string): Row {
    const mark = element('span', 'jp-bj-mark', {}, drawing(plain));
    const name = element('span', 'jp-bj-name', {}, label);
    const note = element('span', 'jp-bj-note');
    const tail = element('span', 'jp-bj-tail');
    const node = element(
      'button',
      'jp-bj-step',
      { ...OWN_KEYS, type: 'button' },
      mark,
      name,
      note,
      tail
    );
    node.addEventListener('click', () => {
      this.select(id);
    });
    return { node, mark, name, note, tail, plain, status: null };
  }
}

function noteOf(step: Step | undefined, status: StepStatus | null): string {
  if (!step) {
    return status ?? '';
  }
  const time =
    step.startedAt !== null && step.finishedAt !== null
      ? ` · ${duration(step.finishedAt - step.startedAt)}`
      : '';
  const visit = step.visit > 1 ? ` · visit ${step.visit}` : '';
  return `${step.status}${visit}${time}`;
}

function tailOf(step: Step | undefined): string {
  if (step?.status === 'error') {
    return step.error?.message ?? '';
  }
  const text = step?.text.trimEnd() ?? '';
  return step?.status === 'streaming' ? text.slice(-140) : text.slice(0, 140);
}
