/**
 * Which execution of a workflow is the newest and which version is saved, for everybody on the page who shows that
 * workflow. Light questions every few seconds while the page is visible, however many canvases there are.
 */
import type { Server } from './server';
import type { ExecutionSummary, WorkflowSummary } from './types';

const EVERY_MS = 2500;

/** Who is told, again and again: news is what differs from the last time. */
export interface Listener {
  /** The workflow; null while only its name is known, since it has not been saved from here. */
  readonly workflowId: string | null;
  readonly name: string;
  onNewest(newest: ExecutionSummary): void;
  onSaved(saved: WorkflowSummary): void;
}

/** One for each page. */
export class Watch {
  constructor(private readonly server: Server) {}

  /** Hear of a workflow; call the answer to stop. */
  add(listener: Listener): () => void {
    this.listeners.add(listener);
    this.timer ??= setInterval(() => void this.look(), EVERY_MS);
    if (listener.workflowId !== null) {
      void this.lookAt(listener.workflowId);
    }
    void this.lookAtSaved();
    return () => {
      this.listeners.delete(listener);
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
        const concerned = [...this.listeners].filter(one => one.workflowId === workflowId);
        concerned.forEach(listener => {
          listener.onNewest(newest);
        });
      }
    } catch (error) {
      console.debug('the executions cannot be read just now', error);
    }
  }

  private readonly listeners = new Set<Listener>();
  private timer: ReturnType<typeof setInterval> | undefined;

  private async look(): Promise<void> {
    if (document.visibilityState === 'visible') {
      const ids = new Set([...this.listeners].map(listener => listener.workflowId));
      await Promise.all([
        this.lookAtSaved(),
        ...[...ids].map(id => (id === null ? undefined : this.lookAt(id)))
      ]);
    }
  }

  /** One question for all. The list begins with what was changed last, so of several of one name that one counts. */
  private async lookAtSaved(): Promise<void> {
    try {
      const saved = await this.server.workflows();
      for (const listener of [...this.listeners]) {
        const { workflowId, name } = listener;
        const found = saved.find(one =>
          workflowId === null ? one.name === name : one.id === workflowId
        );
        if (found) {
          listener.onSaved(found);
        }
      }
    } catch (error) {
      console.debug('the workflows cannot be read just now', error);
    }
  }
}
