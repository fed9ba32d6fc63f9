/** The steps of a run as a list: the graph in words, for the keyboard and for screen readers too. */
import { lookOf, tile } from './card';
import { button, drawing, element, OWN_KEYS, setText } from './dom';
import * as icons from './icons';
import { badge, MARKS } from './marks';
import type { Run, Step } from './run';
import { duration } from './text';
import type { Doc, DocGroup, StepStatus } from './types';

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

  constructor(
    private readonly select: (nodeId: string) => void,
    private readonly selectNodes: (ids: string[]) => void = () => undefined
  ) {}

  /** Whether there is nothing in it. */
  get isEmpty(): boolean {
    return this.rows.size === 0;
  }

  /** List the nodes of a graph; of a very large one, the first. */
  setDoc(doc: Doc): void {
    const ids = doc.nodes.slice(0, MOST).map(node => [node.id, node.label, node.type] as const);
    const key = JSON.stringify([ids, doc.groups]);
    if (key === this.listed) {
      return;
    }
    this.listed = key;
    this.rows.clear();
    const lists = new Map<DocGroup, HTMLElement>();
    const groupOf = new Map(
      (doc.groups ?? []).flatMap(group => group.nodes.map(id => [id, group] as const))
    );
    const items: HTMLElement[] = [];
    for (const [id, label, type] of ids) {
      const row = this.rowOf(id, label, tile(lookOf(doc.looks, type), 16));
      this.rows.set(id, row);
      const item = element('div', '', { role: 'listitem' }, row.node);
      const group = groupOf.get(id);
      if (!group) {
        items.push(item);
        continue;
      }
      let list = lists.get(group);
      if (!list) {
        list = element('div', 'jp-bj-members', { role: 'list', 'aria-label': group.title });
        lists.set(group, list);
        items.push(this.groupItem(group, list)); // where the first of its members stands
      }
      list.append(item);
    }
    this.node.replaceChildren(...items);
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
  /** The groups whose members are out of sight. */
  private readonly closed = new Set<string>();
  private readonly rows = new Map<string, Row>();

  /** A group: its title selects the members, the arrow shows and hides them. */
  private groupItem(group: DocGroup, list: HTMLElement): HTMLElement {
    const arrow = button('jp-bj-fold', '', () => {
      if (!this.closed.delete(group.id)) {
        this.closed.add(group.id);
      }
      show();
    });
    arrow.append(drawing(icons.CHEVRON));
    const show = (): void => {
      const isOpen = !this.closed.has(group.id);
      list.hidden = !isOpen;
      arrow.setAttribute('aria-expanded', String(isOpen));
      arrow.title = `${isOpen ? 'Hide' : 'Show'} the steps of ${group.title}`;
      arrow.setAttribute('aria-label', arrow.title);
    };
    show();
    const title = button(
      'jp-bj-grouped',
      `Select the group ${group.title}`,
      () => {
        this.selectNodes(group.nodes);
      },
      drawing(icons.GROUP),
      element('span', 'jp-bj-name', {}, group.title),
      element('span', 'jp-bj-note', {}, String(group.nodes.length))
    );
    const head = element('div', 'jp-bj-grouphead', {}, arrow, title);
    return element('div', 'jp-bj-stepgroup', { role: 'listitem' }, head, list);
  }

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
