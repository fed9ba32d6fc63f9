/** Short words over the graph: what was refused, what a key does next. Screen readers hear them too. */
import { element, setText } from '../dom';

const SHOWN_MS = 6000;

/** A hint stays until it is taken back; the others go by themselves. */
export type NoticeKind = 'problem' | 'news' | 'hint';

/** The place for words over one graph. */
export class Notice {
  readonly node = element('div', 'jp-bj-notice', { role: 'status', 'aria-live': 'polite' });

  constructor() {
    this.node.hidden = true;
  }

  /** Say something, for a while or until something else is said. */
  say(text: string, kind: NoticeKind = 'problem'): void {
    clearTimeout(this.timer);
    this.node.dataset.kind = kind;
    setText(this.node, text);
    this.node.hidden = !text;
    if (text && kind !== 'hint') {
      this.timer = setTimeout(() => {
        this.say('');
      }, SHOWN_MS);
    }
  }

  /** Stop the clock. */
  dispose(): void {
    clearTimeout(this.timer);
  }

  private timer: ReturnType<typeof setTimeout> | undefined;
}
