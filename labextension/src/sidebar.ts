/** The side bar: saved workflows, and the newest executions as they stand. */
import { type Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { button, drawing, element, setText } from './dom';
import * as icons from './icons';
import { badge, executionMark } from './marks';
import type { Server } from './server';
import { ago, counted, duration } from './text';
import { type ExecutionSummary, isOver, type WorkflowSummary } from './types';

const EVERY_MS = 2500;
const RECENT = 20;

/** Opens a saved workflow. */
export type Open = (id: string, name: string) => Promise<void>;

/** The side bar *Workflows*. It asks the server only while it can be seen. */
export class WorkflowsBar extends Widget {
  constructor(
    private readonly server: Server,
    private readonly open: Open
  ) {
    super();
    this.id = 'builder-jupyter-workflows';
    this.title.caption = 'Workflows';
    this.addClass('jp-bj-bar-panel');
    this.search.addEventListener('input', () => {
      this.drawWorkflows();
    });
    this.node.append(
      element(
        'div',
        'jp-bj-head',
        {},
        element('h2', '', {}, 'Workflows'),
        button('jp-bj-tool', 'Refresh', () => void this.refresh(), drawing(icons.REFRESH))
      ),
      this.search,
      this.note,
      this.workflowList,
      element('h3', 'jp-bj-heading', {}, 'Recent runs'),
      this.runList
    );
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.begin();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this.begin();
    }
  }

  protected override onBeforeHide(message: Message): void {
    super.onBeforeHide(message);
    this.end();
  }

  protected override onBeforeDetach(message: Message): void {
    super.onBeforeDetach(message);
    this.end();
  }

  private workflows: WorkflowSummary[] = [];
  private runs: ExecutionSummary[] = [];
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly rows = new Map<string, HTMLElement>();
  private readonly search = element('input', 'jp-bj-search', {
    type: 'search',
    placeholder: 'Search workflows',
    'aria-label': 'Search workflows'
  });
  private readonly note = element('div', 'jp-bj-note', { role: 'status' });
  private readonly workflowList = element('ul', 'jp-bj-list');
  private readonly runList = element('ul', 'jp-bj-list');

  private begin(): void {
    void this.refresh();
    this.timer ??= setInterval(() => {
      if (document.visibilityState === 'visible') {
        void this.refresh();
      }
    }, EVERY_MS);
  }

  private end(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private async refresh(): Promise<void> {
    try {
      [this.workflows, this.runs] = await Promise.all([
        this.server.workflows(),
        this.server.executions(null, RECENT)
      ]);
      this.drawWorkflows();
      this.drawRuns();
    } catch (error) {
      setText(this.note, error instanceof Error ? error.message : String(error));
    }
  }

  private drawWorkflows(): void {
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.workflows.filter(one =>
      `${one.name} ${one.description}`.toLowerCase().includes(wanted)
    );
    setText(this.note, this.noteOf(found.length));
    this.note.hidden = found.length > 0;
    replace(
      this.workflowList,
      found.map(one => this.workflowRow(one))
    );
  }

  private noteOf(found: number): string {
    if (found) {
      return '';
    }
    return this.workflows.length
      ? 'No workflow is called that.'
      : 'No workflow has been saved yet. Run one from a canvas, or save it with client.save(workflow).';
  }

  private workflowRow(one: WorkflowSummary): HTMLElement {
    return this.row(`w ${one.id} ${one.version}`, () =>
      this.entry(
        [one.id, one.name],
        drawing(icons.FLOW),
        one.name,
        `${counted(one.node_count, 'node')} · version ${one.version}`,
        `Open ${one.name} as a canvas in a new notebook`
      )
    );
  }

  private drawRuns(): void {
    replace(
      this.runList,
      this.runs.map(one => this.runRow(one))
    );
  }

  private runRow(one: ExecutionSummary): HTMLElement {
    const row = this.row(`r ${one.executionId} ${one.status}`, () =>
      this.entry(
        [one.canvasId, one.workflowName],
        drawing(badge(executionMark(one.status), 16)),
        one.workflowName,
        '',
        `Open ${one.workflowName} as a canvas in a new notebook`
      )
    );
    const took =
      one.startedAt === null ? '' : duration((one.finishedAt ?? Date.now()) - one.startedAt);
    const parts = [one.status, took, isOver(one.status) ? counted(one.credits, 'credit') : ''];
    const when = ago(one.createdAt, Date.now());
    const note = row.querySelector<HTMLElement>('.jp-bj-note');
    if (note) {
      setText(note, [...parts, when].filter(Boolean).join(' · '));
    }
    return row;
  }

  private entry(
    [id, name]: [string, string],
    icon: HTMLElement,
    title: string,
    note: string,
    hint: string
  ): HTMLElement {
    const open = button(
      'jp-bj-entry',
      hint,
      () => void this.openSafely(id, name),
      icon,
      element('span', 'jp-bj-name', {}, title),
      element('span', 'jp-bj-note', {}, note)
    );
    return element('li', '', {}, open);
  }

  private async openSafely(id: string, name: string): Promise<void> {
    try {
      await this.open(id, name);
    } catch (error) {
      this.note.hidden = false;
      setText(this.note, error instanceof Error ? error.message : String(error));
    }
  }

  /** A row that was made before, or a new one: rows keep focus while the lists are refreshed. */
  private row(key: string, make: () => HTMLElement): HTMLElement {
    const known = this.rows.get(key) ?? make();
    this.rows.set(key, known);
    return known;
  }
}

/** Put these children into a list, touching it only when they differ. */
function replace(list: HTMLElement, children: HTMLElement[]): void {
  const isSame =
    list.children.length === children.length &&
    children.every((child, index) => child === list.children[index]);
  if (!isSame) {
    list.replaceChildren(...children);
  }
}
