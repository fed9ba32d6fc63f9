/** One run in the side bar: how it stands, unfolded its steps and what can be done. */
import { drawing, element, OWN_KEYS, setText } from '../dom';
import { badge, executionMark, MARKS } from '../marks';
import { ago, counted, duration } from '../text';
import { type ExecutionSummary, isOver, type Picture, type StepPicture } from '../types';
import { action, messageOf } from './pieces';
import { CHEVRON } from './icons';
import type { Row } from './rows';

/** What a row can have done. */
export interface Deeds {
  picture(executionId: string): Promise<Picture>;
  open(one: ExecutionSummary): Promise<void>;
  replay(one: ExecutionSummary, from?: { stepId: string; visit: number }): Promise<void>;
  cancel(one: ExecutionSummary): Promise<void>;
  copyId(one: ExecutionSummary): Promise<void>;
}

/** What a run says about itself in short. */
export function factsOf(run: ExecutionSummary, now: number): string[] {
  const from = run.startedAt;
  return [
    run.status === 'error' ? 'failed' : run.status,
    from === null ? '' : duration((run.finishedAt ?? now) - from),
    run.status === 'completed' || run.credits ? counted(run.credits, 'credit') : '',
    run.triggerType,
    ago(run.createdAt, now)
  ].filter(Boolean);
}

/** The visit that failed, to go on from; null when none did. */
export function failedVisit(picture: Picture): { stepId: string; visit: number } | null {
  const failed = picture.steps.filter(step => step.status === 'error');
  const blamed = failed.findLast(step => step.stepId === picture.error?.stepId) ?? failed.at(-1);
  return blamed ? { stepId: blamed.stepId, visit: blamed.visit } : null;
}

/** One run: its line unfolds the steps. */
export class RunRow implements Row<ExecutionSummary> {
  readonly node = element('li', 'jp-bj-barrow');

  constructor(
    private run: ExecutionSummary,
    private readonly deeds: Deeds
  ) {
    this.head.append(
      this.icon,
      this.name,
      element('span', 'jp-bj-chevron', {}, drawing(CHEVRON)),
      this.facts
    );
    this.head.addEventListener('click', () => {
      this.fold(this.isOpen);
    });
    this.inside.hidden = true;
    this.inside.append(this.fault, this.steps, this.buttons, this.problem);
    this.node.append(this.head, this.inside);
  }

  update(run: ExecutionSummary): void {
    const hasChanged = run.status !== this.drawn;
    this.run = run;
    setText(this.name, run.workflowName);
    // A line ends between two facts, not within one.
    const facts = factsOf(run, Date.now()).map(fact => fact.replaceAll(' ', '\u00a0'));
    setText(this.facts, facts.join(' · '));
    if (hasChanged) {
      this.drawn = run.status;
      this.icon.replaceChildren(drawing(badge(executionMark(run.status), 16)));
      this.drawButtons();
    }
    setText(this.fault, run.error?.message ?? '');
    // Where it is a step's, it stands with the step.
    this.fault.hidden = !run.error || (this.picture !== null && failedVisit(this.picture) !== null);
    if (this.isOpen && !isOver(run.status)) {
      this.drawSteps();
    }
  }

  /** Read the steps again while they are shown and can still change. */
  async follow(): Promise<void> {
    if (this.isOpen && !(this.picture && isOver(this.picture.status))) {
      await this.attempt(() => this.read());
    }
  }

  private picture: Picture | null = null;
  private drawn = '';
  private readonly head = element('button', 'jp-bj-entry jp-mod-folds', {
    ...OWN_KEYS,
    type: 'button',
    'aria-expanded': 'false'
  });
  private readonly icon = element('span', 'jp-bj-mark');
  private readonly name = element('span', 'jp-bj-name');
  private readonly facts = element('span', 'jp-bj-note');
  private readonly inside = element('div', 'jp-bj-inside');
  private readonly fault = element('div', 'jp-bj-problem');
  private readonly problem = element('div', 'jp-bj-below', { role: 'alert' });
  private readonly steps = element('ul', 'jp-bj-list', { role: 'list', 'aria-label': 'Steps' });
  private readonly buttons = element('div', 'jp-bj-actions');

  private get isOpen(): boolean {
    return !this.inside.hidden;
  }

  private fold(isFolded: boolean): void {
    this.inside.hidden = isFolded;
    this.head.setAttribute('aria-expanded', String(!isFolded));
    void this.follow();
  }

  private async read(): Promise<void> {
    this.picture = await this.deeds.picture(this.run.executionId);
    this.update(this.run);
    this.drawSteps();
    this.drawButtons();
  }

  private drawSteps(): void {
    const rows = (this.picture?.steps ?? []).map(step => stepRow(step));
    while (this.steps.children.length > rows.length) {
      this.steps.lastElementChild?.remove();
    }
    rows.forEach((row, index) => {
      const shown = this.steps.children[index];
      if (shown?.outerHTML !== row.outerHTML) {
        if (shown) {
          shown.replaceWith(row);
        } else {
          this.steps.append(row);
        }
      }
    });
  }

  private drawButtons(): void {
    const isDone = isOver(this.run.status);
    const failed = this.picture && isDone ? failedVisit(this.picture) : null;
    const wanted: [string, string, () => Promise<void>][] = [
      [
        'Open on canvas',
        'Show this run on a canvas in a new notebook',
        () => this.deeds.open(this.run)
      ]
    ];
    if (isDone) {
      const again = 'Run the same plan with the same inputs';
      wanted.push(['Run again', again, () => this.deeds.replay(this.run)]);
    } else {
      wanted.push(['Cancel', 'Stop this run', () => this.deeds.cancel(this.run)]);
    }
    if (failed) {
      const hint = 'Run again from the step that failed; what came before is taken over';
      const run = () => this.deeds.replay(this.run, failed);
      wanted.push([`Replay from ${failed.stepId}`, hint, run]);
    }
    wanted.push(['Copy id', `Copy ${this.run.executionId}`, () => this.deeds.copyId(this.run)]);
    const labels = wanted.map(([label]) => label).join('\n');
    if (labels === this.buttons.dataset.labels) {
      return;
    }
    const hadFocus = this.buttons.contains(document.activeElement);
    this.buttons.dataset.labels = labels;
    this.buttons.replaceChildren(
      ...wanted.map(([label, hint, run]) => action(label, hint, () => void this.attempt(run)))
    );
    if (hadFocus) {
      this.head.focus({ preventScroll: true });
    }
  }

  private async attempt(run: () => Promise<void>): Promise<void> {
    try {
      await run();
      this.problem.replaceChildren();
    } catch (error) {
      this.problem.replaceChildren(element('div', 'jp-bj-problem', {}, messageOf(error)));
    }
  }
}

function stepRow(step: StepPicture): HTMLLIElement {
  const took =
    step.startedAt === null ? '' : duration((step.finishedAt ?? Date.now()) - step.startedAt);
  const words = [
    step.status === 'error' ? 'failed' : step.status,
    took,
    step.attempt > 1 ? `attempt ${step.attempt}` : '',
    step.credits ? counted(step.credits, 'credit') : ''
  ];
  const name = step.visit > 1 ? `${step.stepId} (${step.visit})` : step.stepId;
  return element(
    'li',
    'jp-bj-stage-row',
    { 'data-status': step.status },
    element('span', 'jp-bj-mark', {}, drawing(badge(MARKS[step.status], 14))),
    element('span', 'jp-bj-name', {}, name),
    element('span', 'jp-bj-note', {}, words.filter(Boolean).join(' · ')),
    step.error ? element('span', 'jp-bj-fault', {}, step.error.message) : null
  );
}
