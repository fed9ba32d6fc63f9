/**
 * A run as the browser knows it, made of a picture, of events, or of what Python sends; all three may come in any
 * order and twice. Plain data: no network, no page.
 */
import {
  type ExecutionStatus,
  type Fault,
  type Header,
  isDone,
  isOver,
  type NodeStatus,
  type Picture,
  type PortValue,
  type RunEvent,
  type StepStatus,
  type Usage,
  type Waitpoint
} from './types';

/** How the newest visit of a step stands. */
export interface Step {
  status: StepStatus;
  /** The number of the last event that changed it: older news is dropped. */
  seq: number;
  visit: number;
  attempt: number;
  text: string;
  /** How many characters at the front of `text` are missing. */
  missing: number;
  outputs: Record<string, PortValue>;
  usage: Usage | null;
  error: Fault | null;
  credits: number;
  startedAt: number | null;
  finishedAt: number | null;
  skipReason: string | null;
  waitsFor: string | null;
  /** What it waits for, where that is known. */
  waitpoint: Waitpoint | null;
  /** When the next attempt is due, epoch milliseconds. */
  retryAt: number | null;
  /** Rich output: MIME bundles. */
  display: Record<string, unknown>[];
}

/** A step of which nothing is known. */
export function pendingStep(visit = 1): Step {
  return {
    status: 'pending',
    seq: 0,
    visit,
    attempt: 0,
    text: '',
    missing: 0,
    outputs: {},
    usage: null,
    error: null,
    credits: 0,
    startedAt: null,
    finishedAt: null,
    skipReason: null,
    waitsFor: null,
    waitpoint: null,
    retryAt: null,
    display: []
  };
}

/** One execution, growing. The methods return the ids of the steps that changed. */
export class Run {
  status: ExecutionStatus = 'planning';
  createdAt = 0;
  startedAt: number | null = null;
  finishedAt: number | null = null;
  error: Fault | null = null;
  inputs: Record<string, unknown> = {};
  output: unknown = null;
  /** The number of the newest event that was taken in. */
  seq = 0;
  /** How many steps the plan has. */
  planned = 0;
  cancelling = false;
  /** Text was lost that only a picture can bring back. */
  hasGap = false;
  readonly steps = new Map<string, Step>();

  constructor(
    readonly id: string,
    private readonly priceOf: (stepId: string) => number = () => 0
  ) {}

  /** Whether nothing more can happen. */
  get isOver(): boolean {
    return isOver(this.status);
  }

  /** What the run has cost so far. */
  get credits(): number {
    let sum = 0;
    for (const step of this.steps.values()) {
      sum += step.credits;
    }
    return this.charged ?? sum;
  }

  /** How many steps are done with. */
  get done(): number {
    let count = 0;
    for (const step of this.steps.values()) {
      count += isDone(step.status) ? 1 : 0;
    }
    return count;
  }

  /** Take the whole picture in. What events say later is newer, what they said before is in it. */
  take(picture: Picture): Set<string> {
    const changed = new Set<string>();
    if (this.isOver && !isOver(picture.status)) {
      return changed;
    }
    this.status = picture.status;
    this.createdAt = picture.createdAt;
    this.startedAt = picture.startedAt;
    this.finishedAt = picture.finishedAt;
    this.error = picture.error;
    this.inputs = picture.inputs;
    this.output = picture.output;
    this.hasGap = false;
    if (this.isOver) {
      this.charged = picture.credits.charged - picture.credits.refunded;
    }
    const ids = new Set<string>();
    const open = new Map(picture.waitpoints?.map(one => [`${one.stepId} ${one.visit}`, one]));
    for (const row of picture.steps) {
      ids.add(row.stepId);
      const known = this.steps.get(row.stepId);
      if (known && isNewer(known, row.visit, row.status)) {
        continue;
      }
      const text = row.text ?? textOf(row.outputs);
      const { visit, status, attempt, outputs, usage, error, credits, startedAt, finishedAt } = row;
      this.steps.set(row.stepId, {
        ...pendingStep(visit),
        ...{ seq: known?.seq ?? 0, status, attempt, outputs, usage, error, credits },
        ...{ startedAt, finishedAt, skipReason: row.skipReason },
        ...{ display: row.display ?? [], retryAt: row.retryAt ?? null },
        ...waiting(open.get(`${row.stepId} ${visit}`)),
        // A picture is a little older than the stream: keep what has been heard since.
        text:
          known?.visit === visit && known.text.length > text.length && !known.missing
            ? known.text
            : text
      });
      changed.add(row.stepId);
    }
    this.planned = ids.size;
    return changed;
  }

  /** Take events in, in their order. */
  apply(events: readonly RunEvent[]): Set<string> {
    const changed = new Set<string>();
    for (const event of events) {
      if (event.seq <= this.seq) {
        continue;
      }
      this.seq = event.seq;
      if (event.kind === 'cancel') {
        this.cancelling = true;
      } else if (event.kind === 'status') {
        this.changeStatus(event);
      } else if (event.stepId !== undefined) {
        const known = this.steps.get(event.stepId);
        if (!known || !isPast(known, event)) {
          this.changeStep(event, event.stepId, known);
          changed.add(event.stepId);
        }
      }
    }
    return changed;
  }

  /** Take in what Python says of the same execution. */
  merge(header: Header, statuses: Record<string, NodeStatus>): Set<string> {
    const changed = new Set<string>();
    if (!this.isOver) {
      const { status, createdAt, startedAt, finishedAt, error, inputs } = header;
      Object.assign(this, { status, createdAt, startedAt, finishedAt, error, inputs });
      this.planned = Math.max(this.planned, header.steps);
      if (isOver(header.status)) {
        this.charged = header.credits;
      }
    }
    for (const [id, news] of Object.entries(statuses)) {
      const known = this.steps.get(id);
      if (known && (news.seq ?? 0) <= known.seq) {
        continue;
      }
      this.steps.set(id, this.merged(known, news));
      changed.add(id);
    }
    return changed;
  }

  private charged: number | null = null;

  private merged(known: Step | undefined, news: NodeStatus): Step {
    const visit = news.visit ?? 1;
    const base = known?.visit === visit ? known : pendingStep(visit);
    const step: Step = { ...base, status: news.status, seq: news.seq ?? 0, visit };
    step.error = news.error ?? null;
    step.usage = news.usage ?? base.usage;
    step.outputs = news.outputs ?? base.outputs;
    step.credits = news.credits ?? base.credits;
    step.startedAt = news.startedAt ?? base.startedAt;
    step.finishedAt = news.finishedAt ?? base.finishedAt;
    step.skipReason = news.skipReason ?? null;
    step.waitpoint = news.status === 'waiting' ? base.waitpoint : null;
    step.retryAt = news.status === 'pending' ? base.retryAt : null;
    if (news.text !== undefined) {
      this.write(step, news.offset ?? 0, news.text);
    }
    return step;
  }

  private changeStatus(event: RunEvent): void {
    this.status = (event.status ?? this.status) as ExecutionStatus;
    if (this.status === 'running') {
      this.startedAt ??= event.at;
    }
    if (this.isOver) {
      this.finishedAt = event.at;
      this.error = event.error ?? null;
    }
  }

  private changeStep(event: RunEvent, id: string, known: Step | undefined): void {
    const visit = event.visit ?? known?.visit ?? 1;
    const step = known?.visit === visit ? { ...known } : pendingStep(visit);
    step.seq = Math.max(step.seq, event.seq);
    step.status = (event.status ?? step.status) as StepStatus;
    this.steps.set(id, step);
    if (event.kind === 'token') {
      this.write(step, event.offset ?? 0, event.text ?? '');
      return;
    }
    Object.assign(step, waiting(waitpointOf(event, id, visit)));
    step.retryAt = event.retryAt ?? null;
    if (step.status === 'running') {
      step.startedAt = event.at;
      step.attempt = event.attempt ?? 1;
      if (step.attempt > 1) {
        step.text = '';
        step.missing = 0;
      }
    } else if (isDone(step.status)) {
      step.finishedAt = event.at;
      step.error = event.error ?? null;
      step.outputs = event.outputs ?? {};
      step.usage = event.usage ?? null;
      step.skipReason = event.skipReason ?? null;
      step.text = textOf(step.outputs) || step.text;
      step.missing = textOf(step.outputs) ? 0 : step.missing;
      step.credits = step.status === 'completed' ? this.priceOf(id) : 0;
    }
  }

  /** Put text at its place in the whole; where what comes before it is not known, say so. */
  private write(step: Step, offset: number, text: string): void {
    const place = offset - step.missing;
    if (place >= 0 && place <= step.text.length) {
      // A picture may be ahead of its events: what it has shown of a growing text stays.
      if (step.status !== 'streaming' || !step.text.startsWith(text, place)) {
        step.text = step.text.slice(0, place) + text;
      }
    } else {
      step.text = text;
      step.missing = offset;
      this.hasGap = true;
    }
  }
}

/** The waitpoint that an event opens. */
function waitpointOf(event: RunEvent, stepId: string, visit: number): Waitpoint | undefined {
  const { kind, waitpointId, waitsFor = 'someone', request = {}, deadlineAt = null } = event;
  return kind === 'waitpoint' && waitpointId !== undefined && event.ended === undefined
    ? { waitpointId, stepId, visit, kind: waitsFor, request, deadlineAt }
    : undefined;
}

function waiting(at: Waitpoint | undefined): Pick<Step, 'waitpoint' | 'waitsFor'> {
  return { waitpoint: at ?? null, waitsFor: at?.kind ?? null };
}

/** The text of a step's outputs, `''` when it has none. */
export function textOf(outputs: Record<string, PortValue>): string {
  for (const output of Object.values(outputs)) {
    if (output.type === 'text' && typeof output.value === 'string') {
      return output.value;
    }
  }
  return '';
}

const ORDER: Record<StepStatus, number> = {
  pending: 0,
  running: 1,
  waiting: 2,
  streaming: 2,
  completed: 3,
  error: 3,
  skipped: 3
};

/** Whether an event tells of something that a picture or Python has been past already: they may be ahead of the stream. */
function isPast(known: Step, event: RunEvent): boolean {
  const { visit = known.visit, attempt = 1 } = event;
  const status = (event.status ?? known.status) as StepStatus;
  return known.visit !== visit || known.seq > event.seq || isDone(known.status)
    ? isNewer(known, visit, status)
    : known.status === 'streaming' && status === 'running' && attempt <= known.attempt;
}

function isNewer(known: Step, visit: number, status: StepStatus): boolean {
  return known.visit > visit || (known.visit === visit && ORDER[known.status] > ORDER[status]);
}
