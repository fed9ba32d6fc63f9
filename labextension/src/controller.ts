/**
 * One for each canvas: starts and stops runs and follows them. It talks to the server itself, so that Run, Cancel and
 * the statuses work while a cell holds the kernel; where the kernel has its own runtime, it asks the kernel.
 */
import { Signal } from '@lumino/signaling';

import { type Estimate, Forecast } from './estimate';
import { Follower } from './follow';
import { Run } from './run';
import type { Entry, Server } from './server';
import type { Doc, ExecutionSummary, Header, NodeStatus } from './types';
import { Versions } from './versions';
import type { Watch } from './watch';

/** The way to the kernel. */
export interface Kernel {
  /** Whether runs belong to the kernel, because there is no server that has them. */
  readonly ownsRuns: boolean;
  /** Names the kernel to the server as the place for python nodes; empty when it takes none. */
  readonly worker: string;
  send(message: Record<string, unknown>): void;
  /** Tell Python what this canvas shows now. */
  announce(workflowId: string, executionId: string): void;
  /** Tell Python that there is another saved version than the one known so far. */
  saved(workflowId: string): void;
  /** What a run of the kernel's would cost, begun at a trigger. */
  estimate?(trigger: string): Promise<Estimate>;
  /** Save what is drawn where it lies, and say where; null when it is not to be saved. By its name where this is missing. */
  keep?(): Promise<string | null>;
}

/** What has changed: the steps, or all of them. */
export interface Change {
  steps: Set<string> | 'all';
}

/** The state of a canvas that is not drawing. */
export class Controller {
  run: Run | null = null;
  /** What went wrong with a button. */
  problem: string | null = null;
  isStarting = false;
  isLinked = true;
  /** How far this machine's clock is ahead of the server's, at most, in milliseconds. */
  skew = Number.POSITIVE_INFINITY;
  readonly changed = new Signal<this, Change>(this);
  /** What is saved of the workflow. */
  readonly versions: Versions;
  /** What a run would cost. */
  readonly forecast: Forecast;

  constructor(
    private readonly server: Server,
    private readonly watch: Watch,
    private readonly kernel: Kernel,
    private doc: Doc
  ) {
    this.versions = new Versions(server);
    this.forecast = new Forecast(
      trigger => this.estimate(trigger),
      () => {
        this.tell(new Set());
      }
    );
    this.watchWorkflow(doc.workflowId);
  }

  /** The graph has changed, or has been saved under an id. */
  setDoc(doc: Doc): void {
    this.doc = doc;
    this.watchWorkflow(doc.workflowId ?? this.workflowId);
  }

  /** The workflow lies on the server under an id that the document does not tell. */
  liesAt(workflowId: string): void {
    this.watchWorkflow(workflowId);
  }

  /** Begin a run at a trigger. */
  async start(trigger: string, inputs: Record<string, unknown>): Promise<void> {
    return this.begins({ trigger }, inputs);
  }

  /** Run one node, and what it needs. */
  async runTo(target: string, inputs: Record<string, unknown>): Promise<void> {
    return this.begins({ target }, inputs);
  }

  /** Run the plan of the run that is shown once more, from a step on. */
  async replay(step: string): Promise<void> {
    const { run } = this;
    if (!run?.isOver) {
      return;
    }
    this.set({ isStarting: true, problem: null });
    try {
      if (await this.usesServer()) {
        const id = await this.server.replay(run.id, { stepId: step }, this.kernel.worker);
        this.follow(id, Date.now());
        if (this.workflowId !== null) {
          this.kernel.announce(this.workflowId, id);
        }
      } else {
        this.kernel.send({ do: 'replay', execution: run.id, step });
        return;
      }
    } catch (error) {
      this.problem = messageOf(error);
    }
    this.set({ isStarting: false });
  }

  /** Answer what a step waits for. Rejects with the server's reason. */
  async answer(step: string, answer: unknown): Promise<void> {
    const { run } = this;
    const waitpoint = run?.steps.get(step)?.waitpoint;
    if (run && waitpoint && (await this.usesServer())) {
      this.tell(run.take(await this.server.answer(waitpoint.waitpointId, answer)));
    } else if (run) {
      this.kernel.send({ do: 'answer', execution: run.id, step, answer });
    }
  }

  /** Words to suggest for a kind of field; none where there is no server that knows any. */
  async words(kind: string): Promise<{ value: string; about: string }[]> {
    if (!(await this.usesServer())) {
      return [];
    }
    if (kind === 'tools') {
      const tools = await this.server.tools();
      return tools.map(({ name, description }) => ({ value: name, about: description }));
    }
    return kind === 'workflows'
      ? (await this.server.workflows()).map(({ id, name }) => ({ value: id, about: name }))
      : [];
  }

  /** A file that a step has made or that was uploaded. */
  asset(id: string): Promise<Blob> {
    return this.server.asset(id);
  }

  /** Whether the runs are the kernel's own, because there is no server that has them. */
  get isKernels(): boolean {
    return this.kernel.ownsRuns;
  }

  /** The time on the server's clock, as far as it is known. */
  readonly now = (): number => Date.now() - (Number.isFinite(this.skew) ? this.skew : 0);

  private async begins(entry: Entry, inputs: Record<string, unknown>): Promise<void> {
    this.set({ isStarting: true, problem: null });
    try {
      if (await this.usesServer()) {
        const workflowId = await (this.kernel.keep?.() ?? this.server.save(this.doc.document));
        if (workflowId === null) {
          this.set({ isStarting: false });
          return;
        }
        const id = await this.server.start(workflowId, entry, inputs, this.kernel.worker);
        this.follow(id, Date.now());
        this.watchWorkflow(workflowId);
        this.kernel.announce(workflowId, id);
        void this.watch.lookAt(workflowId);
      } else {
        this.kernel.send({ do: 'run', ...entry, inputs });
        return; // stays "starting" until the kernel says something
      }
    } catch (error) {
      this.problem = messageOf(error);
    }
    this.set({ isStarting: false });
  }

  /** Stop the run that is shown. */
  async cancel(): Promise<void> {
    const run = this.run;
    if (!run || run.isOver) {
      return;
    }
    run.cancelling = true;
    this.set({ problem: null });
    try {
      if (await this.usesServer()) {
        this.tell(run.take(await this.server.cancel(run.id)));
      } else {
        this.kernel.send({ do: 'cancel', execution: run.id });
      }
    } catch (error) {
      run.cancelling = false;
      this.set({ problem: messageOf(error) });
    }
  }

  /** The kernel could not do what it was asked to. */
  fail(message: string): void {
    this.set({ isStarting: false, problem: message });
  }

  /** Take in what Python says; it may be ahead of what was heard here, or behind. */
  hear(header: Partial<Header>, statuses: Record<string, NodeStatus>): void {
    if (!header.id) {
      if (!this.run || this.run.id === '') {
        this.show(statuses);
      }
      return;
    }
    const news = header as Header;
    if (this.run?.id !== news.id) {
      if (this.run && this.run.createdAt > news.createdAt) {
        return;
      }
      this.begin(news.id);
      if (!this.kernel.ownsRuns) {
        this.follow(news.id, news.createdAt);
      }
    }
    if (this.run) {
      this.isStarting = false;
      this.tell(this.run.merge(news, statuses));
    }
  }

  /** Follow an execution of the server, unless it is the one that is followed. */
  follow(id: string, createdAt: number): void {
    if (this.run?.id === id && this.follower) {
      return;
    }
    if (this.run?.id !== id) {
      this.begin(id);
    }
    const run = this.run;
    if (!run) {
      return;
    }
    run.createdAt = createdAt;
    void this.refresh(run);
    this.follower = new Follower(this.server, id, {
      onLink: isUp => {
        this.set({ isLinked: isUp });
      },
      onEvents: events => {
        const last = events.at(-1);
        if (last) {
          this.skew = Math.min(this.skew, Date.now() - last.at);
        }
        const changed = run.apply(events);
        this.tell(changed);
        if (run.isOver || run.hasGap) {
          void this.refresh(run);
        }
        return run.isOver ? null : run.seq;
      }
    });
  }

  /** How long the run that is shown has taken so far, in milliseconds; null before it starts. */
  get elapsed(): number | null {
    const run = this.run;
    if (run?.startedAt == null) {
      return null;
    }
    return Math.max(0, (run.finishedAt ?? this.now()) - run.startedAt);
  }

  /** Stop following and watching. */
  dispose(): void {
    this.follower?.stop();
    this.unwatch?.();
    this.forecast.dispose();
    Signal.clearData(this);
  }

  private workflowId: string | null = null;
  private watched = '';
  private follower: Follower | null = null;
  private unwatch: (() => void) | null = null;
  private readonly since = Date.now();

  private begin(id: string): void {
    this.follower?.stop();
    this.follower = null;
    const types = new Map(this.doc.nodes.map(node => [node.id, node.type]));
    this.run = new Run(id, step => this.doc.looks[types.get(step) ?? '']?.credits ?? 0);
    this.run.planned = this.doc.nodes.length;
    this.skew = Number.POSITIVE_INFINITY;
    this.problem = null;
    this.changed.emit({ steps: 'all' });
  }

  /** Show statuses that belong to no execution. */
  private show(statuses: Record<string, NodeStatus>): void {
    const before = this.run?.steps.keys() ?? [];
    this.run = Object.keys(statuses).length ? new Run('') : null;
    this.run?.merge(NO_HEADER, statuses);
    this.tell(new Set([...before, ...Object.keys(statuses)]));
  }

  private async refresh(run: Run): Promise<void> {
    try {
      const picture = await this.server.picture(run.id);
      if (this.run === run) {
        this.tell(run.take(picture));
      }
    } catch (error) {
      console.debug('the picture of the execution cannot be read just now', error);
    }
  }

  private watchWorkflow(workflowId: string | null): void {
    const { name } = this.doc;
    const watched = workflowId ?? `named ${name}`;
    if (this.kernel.ownsRuns || watched === this.watched) {
      return;
    }
    this.unwatch?.();
    this.watched = watched;
    this.workflowId = workflowId;
    if (this.versions.workflowId !== workflowId) {
      this.versions.forget();
    }
    let known = '';
    this.unwatch = this.watch.add({
      workflowId,
      name,
      onNewest: newest => {
        this.adopt(newest);
      },
      onSaved: ({ id, version }) => {
        this.versions.saw(id, version);
        if (known !== `${id} ${version}`) {
          known = `${id} ${version}`;
          this.kernel.saved(id);
        }
      }
    });
  }

  /** Show an execution that somebody else began: one under way, or one that began while this canvas was there. */
  private adopt(newest: ExecutionSummary): void {
    const isNews = newest.finishedAt === null || newest.createdAt >= this.since;
    const isNewer = !this.run || newest.createdAt > this.run.createdAt;
    if (newest.executionId !== this.run?.id && isNews && isNewer && !this.isStarting) {
      this.follow(newest.executionId, newest.createdAt);
      this.kernel.announce(newest.canvasId, newest.executionId);
    }
  }

  private async estimate(trigger: string): Promise<Estimate | null> {
    return (await this.usesServer())
      ? this.server.estimate(this.doc.document, trigger)
      : ((await this.kernel.estimate?.(trigger)) ?? null);
  }

  private async usesServer(): Promise<boolean> {
    return !this.kernel.ownsRuns && (await this.server.isThere);
  }

  private set(changes: Partial<Pick<Controller, 'isStarting' | 'problem' | 'isLinked'>>): void {
    Object.assign(this, changes);
    this.tell(new Set());
  }

  private tell(steps: Set<string>): void {
    this.changed.emit({ steps });
  }
}

const NO_HEADER: Header = {
  id: '',
  status: 'planning',
  createdAt: 0,
  startedAt: null,
  finishedAt: null,
  credits: 0,
  error: null,
  inputs: {},
  steps: 0,
  seq: 0
};

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
