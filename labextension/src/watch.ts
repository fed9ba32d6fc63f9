/**
 * Which execution of a workflow is the newest and which version is saved, for everybody on the page who shows that
 * workflow. Light questions every few seconds while the page is visible, however many canvases there are.
 */
import type { Server } from './server';
import type { ExecutionSummary } from './types';

const EVERY_MS = 2500;

/** Who is told, again and again: news is what differs from the last time. */
export interface Listener {
  onNewest(newest: ExecutionSummary): void;
  onVersion(version: number): void;
}

/** One for each page. */
export class Watch {
  constructor(private readonly server: Server) {}

  /** Hear of a workflow; call the answer to stop. */
  add(workflowId: string, listener: Listener): () => void {
    const known = this.listeners.get(workflowId) ?? new Set();
    this.listeners.set(workflowId, known.add(listener));
    this.timer ??= setInterval(() => void this.look(), EVERY_MS);
    void this.lookAt(workflowId);
    void this.lookAtVersions();
    return () => {
      known.delete(listener);
      if (!known.size) {
        this.listeners.delete(workflowId);
      }
      if (!this.listeners.size) {
        clearInterval(this.timer);
        this.timer = undefined;
      }
    };
  }

  /** Look at once: something was started from this page. */
  async lookAt(workflowId: string): Promise<void> {
    try {
      const [newest] = await this.server.executions(workflowId, 1);
      if (newest) {
        this.listeners.get(workflowId)?.forEach(listener => {
          listener.onNewest(newest);
        });
      }
    } catch (error) {
      console.debug('the executions cannot be read just now', error);
    }
  }

  private readonly listeners = new Map<string, Set<Listener>>();
  private timer: ReturnType<typeof setInterval> | undefined;

  private async look(): Promise<void> {
    if (document.visibilityState === 'visible') {
      await Promise.all([
        this.lookAtVersions(),
        ...[...this.listeners.keys()].map(id => this.lookAt(id))
      ]);
    }
  }

  /** One question for all: the list begins with what was changed last. */
  private async lookAtVersions(): Promise<void> {
    try {
      for (const { id, version } of await this.server.workflows()) {
        this.listeners.get(id)?.forEach(listener => {
          listener.onVersion(version);
        });
      }
    } catch (error) {
      console.debug('the workflows cannot be read just now', error);
    }
  }
}
