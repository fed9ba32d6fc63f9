/**
 * The system's clipboard through the page's own events: they need no permission and no TLS, and reach other notebooks.
 * The page sends them to wherever text is selected, so they are listened to on the document while the stage has the focus.
 */
import { type Clip, CLIP_MIME, readClip } from './clip';

/** What comes of the events. */
export interface ClipActions {
  /** What to copy; null for nothing. */
  copy(): Clip | null;
  /** It has been copied: take it away. */
  cut(): void;
  paste(clip: Clip): void;
}

/** The last that was copied on this page, for menus where the browser does not let a page read the clipboard. */
let lastCopied = '';

/** The clipboard of one graph. */
export class Clipboard {
  constructor(
    private readonly stage: HTMLElement,
    private readonly actions: ClipActions
  ) {
    for (const name of ['copy', 'cut', 'paste'] as const) {
      document.addEventListener(name, this.onEvent, true);
    }
  }

  /** Copy, cut or paste without a key. */
  ask(what: 'copy' | 'cut' | 'paste'): void {
    if (what !== 'paste') {
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way on pages without TLS
      document.execCommand(what);
      return;
    }
    const read = (navigator as { clipboard?: Clipboard_ }).clipboard?.readText();
    (read ?? Promise.resolve(lastCopied))
      .catch(() => lastCopied) // the reader said no
      .then(text => {
        this.paste(text);
      })
      .catch((error: unknown) => {
        console.error(error);
      });
  }

  /** Listen no more. */
  dispose(): void {
    for (const name of ['copy', 'cut', 'paste'] as const) {
      document.removeEventListener(name, this.onEvent, true);
    }
  }

  private readonly onEvent = (event: ClipboardEvent): void => {
    if (document.activeElement !== this.stage || !event.clipboardData) {
      return;
    }
    if (event.type === 'paste') {
      const { clipboardData: data } = event;
      this.paste(data.getData(CLIP_MIME) || data.getData('text/plain'));
    } else {
      const clip = this.actions.copy();
      if (!clip) {
        return;
      }
      lastCopied = JSON.stringify(clip);
      event.clipboardData.setData('text/plain', lastCopied);
      event.clipboardData.setData(CLIP_MIME, lastCopied);
      if (event.type === 'cut') {
        this.actions.cut();
      }
    }
    event.preventDefault();
    event.stopPropagation();
  };

  private paste(text: string): void {
    const clip = readClip(text);
    if (clip) {
      this.actions.paste(clip);
    }
  }
}

interface Clipboard_ {
  readText(): Promise<string>;
}
