/**
 * Which execution of a workflow is the newest, for everybody on the page who shows that workflow. One light question
 * every few seconds while the page is visible, however many canvases there are.
 */
import type { Server } from './server';
import type { ExecutionSummary } from './types';

const EVERY_MS = 2500;

type Hear = (newest: ExecutionSummary) => void;

/** One for each page. */
export class Watch {
  constructor(private readonly server: Server) {}

  /** Hear of the newest execution of a workflow whenever there is another one; call the answer to stop. */
  add(workflowId: string, hear: Hear): () => void {
    const known = this.listeners.get(workflowId) ?? new Set();
    this.listeners.set(workflowId, known.add(hear));
    this.timer ??= setInterval(() => void this.look(), EVERY_MS);
    void this.lookAt(workflowId);
    return () => {
      known.delete(hear);
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
        this.listeners.get(workflowId)?.forEach(hear => {
          hear(newest);
        });
      }
    } catch (error) {
      console.debug('the executions cannot be read just now', error);
    }
  }

  private readonly listeners = new Map<string, Set<Hear>>();
  private timer: ReturnType<typeof setInterval> | undefined;

  private async look(): Promise<void> {
    if (document.visibilityState === 'visible') {
      await Promise.all([...this.listeners.keys()].map(id => this.lookAt(id)));
    }
  }
}
