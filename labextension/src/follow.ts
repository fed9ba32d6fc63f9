/**
 * The events of one execution as they happen. A socket that drops is opened again where it broke off; where sockets
 * do not get through at all, the events are asked for instead.
 */
import type { RunEvent } from './types';

/** What following needs of the server. */
export interface Source {
  socket(executionId: string, after: number): WebSocket;
  events(executionId: string, after: number): Promise<RunEvent[]>;
}

/** Who is told. `onEvents` returns the number to resume after, or null once the run is over. */
export interface Listener {
  onEvents(events: RunEvent[]): number | null;
  onLink(isUp: boolean): void;
}

const PAUSES_MS = [100, 300, 1000, 2000, 5000];
const POLL_AFTER_FAILURES = 3;

/** Follows one execution until it is over or `stop` is called. */
export class Follower {
  constructor(
    private readonly source: Source,
    private readonly executionId: string,
    private readonly listener: Listener,
    private after = 0
  ) {
    this.open();
  }

  /** Let go. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  private stopped = false;
  private failures = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private socket: WebSocket | null = null;

  private open(): void {
    const socket = this.source.socket(this.executionId, this.after);
    this.socket = socket;
    socket.onopen = () => {
      this.listener.onLink(true);
    };
    socket.onmessage = message => {
      if (!this.stopped && socket === this.socket) {
        const events = JSON.parse(String(message.data)) as RunEvent[] | object;
        if (Array.isArray(events)) {
          this.take(events); // an object says that the socket is about to close
        }
      }
    };
    socket.onclose = () => {
      if (!this.stopped && socket === this.socket) {
        void this.retry();
      }
    };
  }

  private take(events: RunEvent[]): void {
    if (events.length) {
      this.failures = 0;
    }
    const after = this.listener.onEvents(events);
    if (after === null) {
      this.stop();
    } else {
      this.after = after;
    }
  }

  private async retry(): Promise<void> {
    this.failures += 1;
    this.listener.onLink(false);
    if (this.failures >= POLL_AFTER_FAILURES) {
      await this.poll();
    }
    if (!this.stopped) {
      const pause = PAUSES_MS[Math.min(this.failures, PAUSES_MS.length) - 1] ?? 5000;
      this.timer = setTimeout(() => {
        this.open();
      }, pause);
    }
  }

  private async poll(): Promise<void> {
    try {
      const events = await this.source.events(this.executionId, this.after);
      if (!this.stopped) {
        const failures = this.failures;
        this.take(events);
        this.failures = failures; // the socket is still what failed
        this.listener.onLink(true);
      }
    } catch (error) {
      console.debug('the events cannot be read just now', error);
    }
  }
}
