/**
 * The server as the one who computes edits, for editors that have no kernel. The state is the workflow's text as it
 * stands in a file: Python alone reads and writes it, so that nothing which a browser's numbers cannot hold is lost.
 */
import { Signal } from '@lumino/signaling';

import type { Change, EditableDoc, EditHost, Findings, NodeKind } from '../editor/host';
import { refusal } from '../kernelhost';
import { ServerError } from '../server';

const MAX_STEPS = 200;
const PAUSES_MS = [300, 700, 1500, 3000, 5000];
const PROBE_MS = 3000;
/** What a proxy answers while the server behind it is away. */
const AWAY = new Set([502, 503, 504]);
const NO_ANSWER =
  'The server does not answer. This was not done, and everything before it is still here; try again when the server is back.';

/** What this asks of the server. */
export interface EditServer {
  ask<T>(method: string, path: string, body?: unknown, query?: Record<string, string>): Promise<T>;
}

interface Edited {
  doc: EditableDoc;
  text: string;
  findings: Findings;
}

/** A step that can be taken back or again: what it is called, and the text to go to. */
interface Step {
  title: string;
  text: string;
}

/** What is to be asked besides the text. */
interface Wish {
  changes?: Change[];
  arrange?: string;
}

/** Keeps one workflow, what led to it, and what validation says of it. */
export class ServerHost implements EditHost {
  readonly changed: Signal<EditHost, void> = new Signal<EditHost, void>(this);
  /** Emitted when there is another document to draw. */
  readonly drawn = new Signal<this, EditableDoc>(this);
  /** Emitted when the server stops answering or is back: see `isLinked`. */
  readonly linked = new Signal<this, boolean>(this);
  /** The workflow as text: exactly as it was given, until it is changed. */
  text = '';
  doc: EditableDoc | null = null;
  catalogue: NodeKind[] = [];
  findings: Findings | null = null;
  isLinked = true;
  /** Under which id the server keeps the workflow, if it does; its text does not say. */
  workflowId: string | null = null;

  constructor(
    private readonly server: EditServer,
    private readonly pauses = PAUSES_MS
  ) {}

  get editable(): boolean {
    return this.doc !== null;
  }

  /** Take up a workflow: the text of a file. What was done before cannot be undone any more. */
  open(text: string): Promise<void> {
    return this.queue(async () => {
      this.adopt(await this.ask(text), text);
      this.undoes.length = this.redoes.length = 0;
      this.show();
      await this.learn();
    });
  }

  /** Go on with another text as one step, e.g. with what another program has written into the file. */
  replace(text: string, title: string): Promise<void> {
    return this.doc === null
      ? this.open(text)
      : this.queue(async () => {
          this.step(title, await this.ask(text), text);
        });
  }

  edit(title: string, changes: Change[]): Promise<void> {
    return this.queue(async () => {
      this.step(title, await this.ask(this.text, { changes }));
    });
  }

  arrange(layout: string): Promise<void> {
    return this.queue(async () => {
      this.step('Arrange', await this.ask(this.text, { arrange: layout }));
    });
  }

  undo(): Promise<void> {
    return this.queue(() => this.walk(this.undoes, this.redoes));
  }

  redo(): Promise<void> {
    return this.queue(() => this.walk(this.redoes, this.undoes));
  }

  judge(): void {
    this.queue(async () => {
      this.findings = (await this.ask(this.text)).findings;
      this.changed.emit();
    }).catch((error: unknown) => {
      console.debug('the workflow cannot be judged just now', error); // `linked` says so where it can be seen
    });
  }

  /** The workflow has been saved under an id. */
  keptAs(workflowId: string | null): void {
    if (workflowId !== this.workflowId) {
      this.workflowId = workflowId;
      this.show();
    }
  }

  /** Wait until everything that was asked for so far is done or refused. */
  async settled(): Promise<void> {
    await this.last;
  }

  /** Let go: what is still asked for is not done. */
  dispose(): void {
    this.isDisposed = true;
    clearTimeout(this.probing);
    Signal.clearData(this);
  }

  private readonly undoes: Step[] = [];
  private readonly redoes: Step[] = [];
  private canonical = '';
  private last: Promise<unknown> = Promise.resolve();
  /** Rises when a request is given up: what was asked for while it waited builds on it and is given up, too. */
  private era = 0;
  private isDisposed = false;
  private probing: ReturnType<typeof setTimeout> | undefined;
  private taught = '';

  /** Do things one after the other, in the order in which they were asked for. */
  private queue(work: () => Promise<void>): Promise<void> {
    const { era } = this;
    const done = this.last.then(() => {
      if (era !== this.era || this.isDisposed) {
        throw new Error(NO_ANSWER);
      }
      return work();
    });
    this.last = done.catch(() => undefined); // whoever asked hears of it; the next in line has its own answer
    return done;
  }

  private step(title: string, answer: Edited, text = answer.text): void {
    if (answer.text === this.canonical && (text === answer.text || text === this.text)) {
      this.findings = answer.findings;
      this.show(); // nothing has changed, but what was drawn ahead of the answer may have to go
      return;
    }
    this.undoes.push({ title, text: this.text });
    this.undoes.splice(0, this.undoes.length - MAX_STEPS);
    this.redoes.length = 0;
    this.adopt(answer, text);
    this.show();
  }

  private async walk(from: Step[], to: Step[]): Promise<void> {
    const step = from.at(-1);
    if (step) {
      const answer = await this.ask(step.text);
      from.pop();
      to.push({ title: step.title, text: this.text });
      this.adopt(answer, step.text);
      this.show();
    }
  }

  private adopt(answer: Edited, text: string): void {
    this.text = text;
    this.canonical = answer.text;
    this.doc = answer.doc;
    this.findings = answer.findings;
  }

  private show(): void {
    if (this.doc) {
      const title = (steps: Step[]) => steps.at(-1)?.title ?? null;
      const { workflowId } = this;
      const steps = { undoes: title(this.undoes), redoes: title(this.redoes) };
      this.doc = { ...this.doc, workflowId, ...steps };
      this.drawn.emit(this.doc);
      this.changed.emit();
    }
  }

  /** Get the node types of the kind of workflow that this is. */
  private async learn(): Promise<void> {
    const dialect = this.doc?.document.dialect ?? 'builder';
    if (dialect !== this.taught) {
      const path = 'api/builder/catalogue';
      const found = await this.patiently(() =>
        this.server.ask<{ catalogue: NodeKind[] }>('GET', path, undefined, { dialect })
      );
      this.taught = dialect;
      this.catalogue = found.catalogue;
      this.changed.emit();
    }
  }

  private ask(text: string, wish: Wish = {}): Promise<Edited> {
    const version = this.doc?.version ?? 0;
    return this.patiently(() =>
      this.server.ask<Edited>('POST', 'api/builder/edits', { text, version, ...wish })
    );
  }

  /** Ask again while nobody answers: nothing that is asked for here changes anything on the server. */
  private async patiently<T>(ask: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const answer = await ask();
        this.setLinked(true);
        return answer;
      } catch (error) {
        if (error instanceof ServerError && !AWAY.has(error.status)) {
          this.setLinked(true);
          throw new Error(reasonOf(error), { cause: error });
        }
        this.setLinked(false);
        const pause = this.pauses[attempt];
        if (pause === undefined || this.isDisposed) {
          this.era += 1;
          this.probe();
          throw new Error(NO_ANSWER, { cause: error });
        }
        await new Promise(resolve => setTimeout(resolve, pause));
      }
    }
  }

  /** Look whether the server is back, until it is. */
  private probe(): void {
    clearTimeout(this.probing);
    if (this.isLinked || this.isDisposed) {
      return;
    }
    this.probing = setTimeout(() => {
      this.server.ask('GET', 'api/builder/health').then(
        () => {
          this.setLinked(true);
        },
        () => {
          this.probe();
        }
      );
    }, PROBE_MS);
  }

  private setLinked(isLinked: boolean): void {
    if (isLinked !== this.isLinked) {
      this.isLinked = isLinked;
      this.linked.emit(isLinked);
    }
  }
}

/** Why something was refused. Of a text that is no workflow it goes without saying that it is the body. */
function reasonOf({ message, details }: ServerError): string {
  const faults = Array.isArray(details) ? (details as { field?: string; error?: string }[]) : [];
  return refusal(
    message,
    faults.map(one => ({ ...one, field: one.field === 'body' ? '' : one.field }))
  );
}
