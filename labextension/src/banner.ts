/** The line above an editor: what has happened to the document or the kernel behind its back, and what can be done. */
import { button, element } from './dom';

/** Something that can be done. */
export interface Choice {
  label: string;
  act: () => void;
}

/** One line, hidden while there is nothing to say. */
export class Banner {
  readonly node = element('div', 'jp-bj-banner', { role: 'status', 'aria-live': 'polite' });

  constructor() {
    this.node.hidden = true;
  }

  /** What is said now, by the name of its cause. */
  cause = '';

  /** Say something; the choices close it. */
  say(cause: string, text: string, ...choices: Choice[]): void {
    this.cause = cause;
    this.node.hidden = false;
    this.node.replaceChildren(
      element('span', '', {}, text),
      ...choices.map(({ label, act }) =>
        button(
          'jp-bj-push',
          label,
          () => {
            this.clear(cause);
            act();
          },
          label
        )
      )
    );
  }

  /** Be silent, if this was the cause of what is said. */
  clear(cause: string): void {
    if (this.cause === cause) {
      this.cause = '';
      this.node.hidden = true;
      this.node.replaceChildren();
    }
  }

  /** Follow whether a server answers. */
  showLink(isUp: boolean): void {
    if (isUp) {
      this.clear('link');
    } else {
      this.say('link', 'The server does not answer. Trying again…');
    }
  }
}
