/** What the side bars share: a heading, a note, and a look at the server every few seconds while they can be seen. */
import { type Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { button, drawing, element, setText } from '../dom';
import * as icons from '../icons';
import { messageOf } from './pieces';

/** How often what moves by itself (durations, countdowns) is drawn again. */
const TICK_MS = 1000;

/** A side bar. It asks the server only while it and the page can be seen, unless `isAlwaysOn`. */
export abstract class Bar extends Widget {
  /**
   * @param label what the bar is called
   * @param every how many seconds lie between two looks at the server
   */
  constructor(
    id: string,
    label: string,
    private readonly every: number,
    private readonly isAlwaysOn = false
  ) {
    super();
    this.id = id;
    this.title.caption = label;
    this.addClass('jp-bj-bar-panel');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', label);
    this.node.append(
      element(
        'div',
        'jp-bj-head',
        {},
        element('h2', '', {}, label),
        button('jp-bj-tool', 'Refresh', () => void this.refresh(), drawing(icons.REFRESH))
      )
    );
  }

  /** Ask the server now and show what it says; what goes wrong is shown in the note. */
  async refresh(): Promise<void> {
    this.wanted += 1;
    if (this.asking) {
      await this.asking; // what is asked for by now may differ: it is asked again before this returns
      return;
    }
    this.asking = this.ask();
    await this.asking;
    this.asking = null;
  }

  override dispose(): void {
    this.end();
    super.dispose();
  }

  /** Read what is shown. */
  protected abstract load(): Promise<void>;

  /** Show what was read. */
  protected abstract draw(): void;

  /** Whether the list that follows has nothing in it, and why; `''` hides the note. */
  protected say(text: string): void {
    setText(this.note, this.fault || text);
    this.note.hidden = !this.note.textContent;
  }

  protected readonly note = element('div', 'jp-bj-note jp-bj-empty', { role: 'status' });

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.begin();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible || this.isAlwaysOn) {
      this.begin();
    }
  }

  protected override onBeforeHide(message: Message): void {
    super.onBeforeHide(message);
    if (!this.isAlwaysOn) {
      this.end();
    }
  }

  protected override onBeforeDetach(message: Message): void {
    super.onBeforeDetach(message);
    this.end();
  }

  private timer: ReturnType<typeof setInterval> | undefined;
  private ticks = 0;
  private wanted = 0;
  private asking: Promise<void> | null = null;
  private fault = '';

  private async ask(): Promise<void> {
    let answered = 0;
    while (answered < this.wanted) {
      answered = this.wanted;
      try {
        await this.load();
        this.fault = '';
        this.draw();
      } catch (error) {
        this.fault = messageOf(error);
        this.say('');
      }
    }
  }

  private begin(): void {
    void this.refresh();
    this.timer ??= setInterval(() => {
      this.tick();
    }, TICK_MS);
  }

  private end(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private tick(): void {
    if (document.visibilityState !== 'visible') {
      return;
    }
    this.ticks += 1;
    if (this.ticks % this.every === 0) {
      void this.refresh();
    } else if (this.isVisible && !this.fault) {
      this.draw();
    }
  }
}
