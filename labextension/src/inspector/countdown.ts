/** How long until something: a line that counts down by itself. */
import { element, setText } from '../dom';
import { duration } from '../text';

const TICK_MS = 1000;

/** A line that is there as long as there is something to wait for. */
export class Countdown {
  readonly node = element('div', 'jp-bj-countdown', { role: 'timer' });

  constructor() {
    this.node.hidden = true;
  }

  /** Count down to a time (epoch milliseconds on the clock of `now`); null for none. */
  show(words: string, at: number | null, now: () => number): void {
    this.words = words;
    this.at = at;
    this.now = now;
    this.draw();
    if (at === null) {
      this.stop();
    } else {
      this.clock ??= setInterval(() => {
        if (this.node.isConnected) {
          this.draw();
        } else {
          this.stop(); // the view is gone
        }
      }, TICK_MS);
    }
  }

  private words = '';
  private at: number | null = null;
  private now: () => number = Date.now;
  private clock: ReturnType<typeof setInterval> | undefined;

  private stop(): void {
    clearInterval(this.clock);
    this.clock = undefined;
  }

  private draw(): void {
    this.node.hidden = this.at === null;
    if (this.at !== null) {
      const left = Math.max(0, this.at - this.now());
      setText(
        this.node,
        `${this.words} ${left ? `in ${duration(left).replace(/\.\d s$/, ' s')}` : 'now'}`
      );
    }
  }
}
