/** What a run would cost, said before it begins. */
import { counted } from './text';

/** What is set aside for a run; it costs more only where steps repeat. */
export interface Estimate {
  credits: number;
  mayRepeat: boolean;
}

/** How long a graph is still before anybody is asked about it: not while it is drawn, nor at every stroke. */
const STILL_MS = 700;

/** The estimate of what is drawn. The last one stands until the next is known. */
export class Forecast {
  value: Estimate | null = null;

  constructor(
    private readonly ask: (trigger: string) => Promise<Estimate | null>,
    private readonly tell: () => void
  ) {}

  /** The graph has changed, or the node to start from; null when there is none. */
  about(trigger: string | null): void {
    this.dispose();
    const round = this.round;
    this.timer = setTimeout(() => {
      const asked = trigger === null ? Promise.resolve(null) : this.ask(trigger);
      void asked
        .catch(() => null) // a graph that cannot run: what is wrong is said where it is validated
        .then(value => {
          if (round === this.round) {
            this.value = value;
            this.tell();
          }
        });
    }, STILL_MS);
  }

  /** Ask no more. */
  dispose(): void {
    clearTimeout(this.timer);
    this.round += 1;
  }

  private timer: ReturnType<typeof setTimeout> | undefined;
  private round = 0;
}

/** An estimate in words; `''` for none. */
export function estimated(estimate: Estimate | null): string {
  if (estimate === null) {
    return '';
  }
  const { credits, mayRepeat } = estimate;
  if (mayRepeat) {
    return `About ${counted(credits, 'credit')} a run, more where steps repeat`;
  }
  return credits === 0 ? 'A run costs nothing' : `Up to ${counted(credits, 'credit')} a run`;
}
