/** The side bar *Runs*: what ran, what runs, what came of each step, and what to do about it. */
import { element, OWN_KEYS, setText } from '../dom';
import type { Server } from '../server';
import { type ExecutionSummary, isOver } from '../types';
import { Bar } from './bar';
import { action, announce, searchBox } from './pieces';
import { Rows } from './rows';
import { type Deeds, RunRow } from './run-row';

const EVERY_SECONDS = 3;
const SHOWN = 50;
const MOST = 1000;
const TYPING_MS = 250;

/** By status: what the filter calls it. */
const STATUSES = {
  '': 'Any status',
  running: 'Running',
  waiting: 'Waiting',
  completed: 'Completed',
  error: 'Failed',
  cancelled: 'Cancelled'
};

/** The side bar *Runs*. One request each look, and one for each run that is unfolded and not over. */
export class RunsBar extends Bar {
  constructor(
    private readonly server: Server,
    private readonly open: (id: string, name: string, executionId: string) => Promise<void>
  ) {
    super('builder-jupyter-runs', 'Runs', EVERY_SECONDS);
    this.status.append(
      ...Object.entries(STATUSES).map(([value, label]) => element('option', '', { value }, label))
    );
    this.workflow.append(element('option', '', { value: '' }, 'All workflows'));
    let typing: ReturnType<typeof setTimeout> | undefined;
    this.search.addEventListener('input', () => {
      clearTimeout(typing);
      typing = setTimeout(() => {
        this.restrict();
      }, TYPING_MS);
    });
    for (const list of [this.status, this.workflow]) {
      list.addEventListener('change', () => {
        this.restrict();
      });
    }
    const filters = element('div', 'jp-bj-filters', {}, this.workflow, this.status);
    this.node.append(this.search, filters, this.note, this.rows.node, this.more);
  }

  /** Show the runs of one workflow. */
  only(id: string, name: string): void {
    this.know(id, name);
    this.workflow.value = id;
    this.status.value = '';
    this.search.value = '';
    this.restrict();
  }

  protected override async load(): Promise<void> {
    if (!this.names.size) {
      for (const one of await this.server.workflowPage(0)) {
        this.know(one.id, one.name);
      }
    }
    const [workflow, status, text] = [this.workflow.value, this.status.value, this.search.value];
    this.runs = await this.server.executions(workflow || null, this.shown, status, text.trim());
    for (const run of this.runs) {
      this.know(run.canvasId, run.workflowName);
    }
    this.isLoaded = true;
    this.rows.show(this.runs);
    await Promise.all(this.runs.map(async run => this.rows.get(run.executionId)?.follow()));
  }

  protected override draw(): void {
    const isFiltered = [this.workflow, this.status, this.search].some(one => one.value);
    const empty = isFiltered
      ? 'No run is like that.'
      : 'Nothing has run yet. Press Run on a canvas.';
    this.say(this.runs.length || !this.isLoaded ? '' : empty);
    this.rows.show(this.runs);
    this.more.hidden = this.runs.length < this.shown || this.shown >= MOST;
  }

  private runs: ExecutionSummary[] = [];
  private isLoaded = false;
  private shown = SHOWN;
  private readonly names = new Map<string, HTMLOptionElement>();
  private readonly search = searchBox('Search runs: name, id, error');
  private readonly status = element('select', 'jp-bj-choice', {
    ...OWN_KEYS,
    'aria-label': 'Status'
  });
  private readonly workflow = element('select', 'jp-bj-choice', {
    ...OWN_KEYS,
    'aria-label': 'Workflow'
  });
  private readonly more = action('Show more', 'Show older runs', () => {
    this.shown = Math.min(MOST, this.shown + SHOWN);
    void this.refresh();
  });
  private readonly rows = new Rows<ExecutionSummary, RunRow>(
    'Runs',
    one => one.executionId,
    one => new RunRow(one, this.deeds())
  );

  private restrict(): void {
    this.shown = SHOWN;
    void this.refresh();
  }

  /** Let a workflow be chosen; of those that are gone the runs are still there. */
  private know(id: string, name: string): void {
    const known = this.names.get(id) ?? element('option', '', { value: id });
    setText(known, name);
    if (!this.names.has(id)) {
      this.names.set(id, known);
      this.workflow.append(known);
    }
  }

  private deeds(): Deeds {
    return {
      picture: id => this.server.picture(id),
      open: one => this.open(one.canvasId, one.workflowName, one.executionId),
      replay: async (one, from) => {
        await this.server.replay(one.executionId, from);
        announce(from ? `Running again from ${from.stepId}` : `Running ${one.workflowName} again`);
        await this.refresh();
      },
      cancel: async one => {
        const picture = await this.server.cancel(one.executionId);
        announce(isOver(picture.status) ? `The run is ${picture.status}` : 'Cancelling');
        await this.refresh();
      },
      copyId: async one => {
        await navigator.clipboard.writeText(one.executionId);
        announce('The id is copied');
      }
    };
  }
}
