/** The kernel as the one who holds the workflow that is edited: each request is a message, answered by token. */
import { Signal } from '@lumino/signaling';

import type { Change, EditHost, Findings, NodeKind } from './editor/host';
import type { Estimate } from './estimate';

/** The way to the kernel and what it has said. */
export interface KernelLink {
  /** Whether anybody is there to hear. */
  isLive(): boolean;
  send(message: Record<string, unknown>): void;
  /** Wait until what was said before is taken in: an answer may overtake the document it speaks of. */
  settled(): Promise<unknown>;
  catalogue(): NodeKind[];
  findings(): Findings | null;
}

/** An answer: to which request, and what was wrong with it. */
export interface Answer {
  done?: string;
  failed?: string;
  token?: string | null;
  details?: unknown;
  /** What was asked for, where something was. */
  value?: unknown;
}

/** Edits through the comm of a canvas. */
export class KernelHost implements EditHost {
  readonly changed: Signal<EditHost, void> = new Signal<EditHost, void>(this);

  constructor(private readonly link: KernelLink) {}

  get editable(): boolean {
    return this.link.isLive();
  }

  get catalogue(): NodeKind[] {
    return this.link.catalogue();
  }

  get findings(): Findings | null {
    return this.link.findings();
  }

  edit(title: string, changes: Change[]): Promise<void> {
    return this.ask({ do: 'edit', title, changes });
  }

  undo(): Promise<void> {
    return this.ask({ do: 'undo' });
  }

  redo(): Promise<void> {
    return this.ask({ do: 'redo' });
  }

  arrange(layout: string): Promise<void> {
    return this.ask({ do: 'arrange', layout });
  }

  save(): Promise<void> {
    return this.ask({ do: 'save' });
  }

  /** What a run would cost. */
  estimate(trigger: string): Promise<Estimate> {
    return this.ask({ do: 'estimate', trigger });
  }

  judge(): void {
    if (this.link.isLive()) {
      this.link.send({ do: 'judge' });
    }
  }

  /** Take in an answer; false when it is none to a request from here. */
  hear(answer: Answer): boolean {
    const token = answer.done ?? answer.token ?? '';
    const asker = this.waiting.get(token);
    if (!asker) {
      return false;
    }
    this.waiting.delete(token);
    if (answer.failed === undefined) {
      const resolve = (): void => {
        asker.resolve(answer.value);
      };
      void this.link.settled().then(resolve, resolve);
    } else {
      asker.reject(new Error(refusal(answer.failed, answer.details)));
    }
    return true;
  }

  /** The kernel is gone: nothing that was asked will be answered. */
  close(): void {
    for (const { reject } of this.waiting.values()) {
      reject(new Error('The kernel is gone; run the cell again to edit.'));
    }
    this.waiting.clear();
    this.changed.emit();
  }

  private readonly waiting = new Map<
    string,
    { resolve: (value: unknown) => void; reject: (reason: Error) => void }
  >();

  private ask<T = void>(message: Record<string, unknown>): Promise<T> {
    if (!this.link.isLive()) {
      return Promise.reject(new Error('There is no kernel; run the cell again to edit.'));
    }
    const token = newToken();
    return new Promise((resolve, reject) => {
      this.waiting.set(token, { resolve: resolve as (value: unknown) => void, reject });
      this.link.send({ ...message, token });
    });
  }
}

/** A refusal in one sentence, with what is wrong where the server names it. */
export function refusal(message: string, details: unknown): string {
  const faults = Array.isArray(details) ? (details as { field?: string; error?: string }[]) : [];
  const reasons = faults
    .filter(fault => fault.error)
    .map(fault => [lastOf(fault.field ?? ''), fault.error].filter(Boolean).join(' '));
  return reasons.length ? `${message.replace(/\.$/, '')}: ${reasons.join('; ')}.` : message;
}

/** `node.id` of `changes[2].node.id`: which change of a gesture it was says nothing to a person. */
function lastOf(field: string): string {
  return field.replace(/^changes\[\d+\]\.?/, '');
}

/** A name that no other page on this comm gives. `crypto.randomUUID` is missing on pages served without TLS. */
function newToken(): string {
  return [...crypto.getRandomValues(new Uint32Array(4))].map(part => part.toString(36)).join('-');
}
