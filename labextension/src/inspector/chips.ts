/** A list of texts as chips, with a box to add another. */
import { button, drawing, element, OWN_KEYS } from '../dom';
import { CROSS } from '../icons';
import type { Control } from './control';

/** Texts, each once. */
export class ChipsControl implements Control {
  readonly node = element('div', 'jp-bj-chips');
  readonly target = element('input', '', { ...OWN_KEYS, type: 'text', autocomplete: 'off' });
  onInput: () => void = () => undefined;
  onDone: () => void = () => undefined;

  /** `noun` is what one of them is called; `suggestions` is the id of a `datalist`. */
  constructor(
    private readonly noun: string,
    suggestions = ''
  ) {
    if (suggestions) {
      this.target.setAttribute('list', suggestions);
    }
    this.target.placeholder = `Add ${noun}…`;
    this.node.append(this.list, this.target);
    this.target.addEventListener('keydown', event => {
      if (event.isComposing) {
        return;
      }
      if (event.key === 'Enter') {
        event.preventDefault();
        this.take();
      } else if (event.key === 'Backspace' && !this.target.value && this.texts.length) {
        this.change(this.texts.slice(0, -1));
      }
    });
    this.target.addEventListener('change', () => {
      this.take();
    });
    this.target.addEventListener('input', event => {
      event.stopPropagation(); // half a word is no change yet
    });
  }

  get(): unknown {
    return this.texts;
  }

  set(value: unknown): void {
    this.texts = Array.isArray(value) ? (value as string[]) : [];
    this.draw();
  }

  private texts: string[] = [];
  private readonly list = element('div', 'jp-bj-chiplist', { role: 'list' });

  private take(): void {
    const text = this.target.value.trim();
    this.target.value = '';
    if (text && !this.texts.includes(text)) {
      this.change([...this.texts, text]);
    }
  }

  private change(texts: string[]): void {
    this.texts = texts;
    this.draw();
    this.onInput();
    this.onDone();
  }

  private draw(): void {
    this.list.replaceChildren(
      ...this.texts.map((text, i) =>
        element(
          'span',
          'jp-bj-chip',
          { role: 'listitem' },
          text,
          button(
            'jp-bj-chipoff',
            `Remove ${this.noun} ${text}`,
            () => {
              this.change(this.texts.filter((_, at) => at !== i));
              this.target.focus();
            },
            drawing(CROSS)
          )
        )
      )
    );
    this.list.hidden = !this.texts.length;
  }
}
