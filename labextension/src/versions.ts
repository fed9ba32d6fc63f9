/** The saved versions of one workflow on the server: the list, what is in them, how they differ, which one is published. */
import { Signal } from '@lumino/signaling';

import { contentOf, type Server } from './server';
import type { WireWorkflow } from './types';

/** A version in a list. */
export interface VersionItem {
  version: number;
  created_at: string;
  created_by: string;
  message: string;
}

/** What lies between two versions: a line for each thing. */
export interface Difference {
  titles: [string, string];
  lines: string[];
}

/** All versions, newest first, and the one that triggers run whatever is saved later. */
export interface History {
  items: VersionItem[];
  published: number | null;
}

/** The versions of the workflow that a canvas shows, as far as it is known which one that is. */
export class Versions {
  /** Emitted when there is another workflow, or another version of it. */
  readonly changed = new Signal<this, void>(this);
  workflowId: string | null = null;

  constructor(private readonly server: Server) {}

  /** A version is there: of the workflow of this canvas. */
  saw(workflowId: string, version: number): void {
    if (workflowId !== this.workflowId || version !== this.latest) {
      this.workflowId = workflowId;
      this.latest = version;
      this.changed.emit();
    }
  }

  /** The canvas shows another workflow, of which nothing is known yet. */
  forget(): void {
    if (this.workflowId !== null) {
      this.workflowId = null;
      this.latest = 0;
      this.changed.emit();
    }
  }

  /** List them. */
  async history(): Promise<History> {
    const { path } = this;
    const [items, current] = await Promise.all([
      this.server.ask<VersionItem[]>('GET', `${path}/versions`),
      this.server.ask<WireWorkflow>('GET', path)
    ]);
    const published = current.metadata?.deployed_version;
    return { items, published: typeof published === 'number' ? published : null };
  }

  /** What a version says. */
  async content(version: number): Promise<WireWorkflow> {
    return contentOf(
      await this.server.ask<WireWorkflow>('GET', `${this.path}/versions/${String(version)}`)
    );
  }

  /** How a version differs from another; from a blank workflow if there is none. */
  async difference(version: number, since: number | null): Promise<Difference> {
    const query: Record<string, string> = since === null ? {} : { since: String(since) };
    const path = `${this.path}/versions/${String(version)}/diff`;
    return this.server.ask('GET', path, undefined, query);
  }

  /** Let the triggers run this version whatever is saved later; null: the newest again. */
  async publish(version: number | null): Promise<void> {
    const path = `${this.path}/publish`;
    await (version === null
      ? this.server.ask('DELETE', path)
      : this.server.ask('POST', path, { version }));
  }

  private latest = 0;

  private get path(): string {
    return `api/builder/workflows/${encodeURIComponent(this.workflowId ?? '')}`;
  }
}
