/** Python in a box: line numbers, a fixed pitch, keys that know about indentation. */
import { element, OWN_KEYS } from '../dom';
import { Single, write } from './control';
import { shown } from './fields';

const INDENT = '    ';

/** A box for code. Tab indents; after Escape it leaves the box, as everywhere else. */
export class CodeControl extends Single<HTMLTextAreaElement> {
  constructor() {
    super(
      element('textarea', 'jp-mod-code', {
        ...OWN_KEYS,
        rows: '8',
        wrap: 'off',
        spellcheck: 'false',
        autocapitalize: 'off'
      })
    );
    this.box.append(this.gutter, this.target);
    this.target.addEventListener('input', () => {
      this.number();
    });
    this.target.addEventListener('scroll', () => {
      this.gutter.scrollTop = this.target.scrollTop;
    });
    this.target.addEventListener('keydown', event => {
      this.press(event);
    });
  }

  override get node(): HTMLElement {
    return this.box;
  }

  get(): unknown {
    return this.target.value;
  }

  set(value: unknown): void {
    write(this.target, shown(value));
    this.number();
  }

  private readonly box = element('div', 'jp-bj-code');
  private readonly gutter = element('div', 'jp-bj-gutter', { 'aria-hidden': 'true' });
  private leaves = false;
  private lines = 0;

  private number(): void {
    const lines = this.target.value.split('\n').length;
    if (lines !== this.lines) {
      this.lines = lines;
      this.gutter.textContent = Array.from({ length: lines }, (_, i) => String(i + 1)).join('\n');
    }
  }

  private press(event: KeyboardEvent): void {
    const { leaves } = this;
    this.leaves = event.key === 'Escape' || (leaves && event.key === 'Shift');
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    if (event.key === 'Tab' && !leaves) {
      event.preventDefault();
      this.apply(indented(this.target, event.shiftKey));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      this.apply(broken(this.target));
    } else if (event.key === 'Escape') {
      event.stopPropagation();
    }
  }

  private apply(edit: Edit): void {
    // As if it had been typed, so that the box can undo it.
    this.target.setSelectionRange(edit.from, edit.to);
    const done = (document as { execCommand?: (...given: unknown[]) => boolean }).execCommand?.(
      'insertText',
      false,
      edit.text
    );
    if (!done) {
      this.target.setRangeText(edit.text, edit.from, edit.to, 'end');
      this.target.dispatchEvent(new Event('input', { bubbles: true }));
    }
    this.target.setSelectionRange(...edit.select);
  }
}

/** A piece of text to put in the place of another, and what is selected then. */
export interface Edit {
  from: number;
  to: number;
  text: string;
  select: [number, number];
}

interface Selected {
  value: string;
  selectionStart: number;
  selectionEnd: number;
}

/** The lines of a selection, further in or out. Without a selection: on to the next stop. */
export function indented(box: Selected, isOut: boolean): Edit {
  const { value, selectionStart: start, selectionEnd: end } = box;
  const line = value.lastIndexOf('\n', start - 1) + 1;
  if (start === end && !isOut) {
    const text = ' '.repeat(INDENT.length - ((start - line) % INDENT.length));
    return { from: start, to: end, text, select: [start + text.length, start + text.length] };
  }
  const lines = value.slice(line, end).split('\n');
  const moved = lines.map(one => (isOut ? one.replace(/^ {1,4}/, '') : one && INDENT + one));
  const text = moved.join('\n');
  const first = (moved[0] ?? '').length - (lines[0] ?? '').length;
  const grown = text.length - (end - line);
  return { from: line, to: end, text, select: [Math.max(line, start + first), end + grown] };
}

/** A new line, as far in as the one before it, and further in after a colon. */
export function broken(box: Selected): Edit {
  const { value, selectionStart: start, selectionEnd: end } = box;
  const front = value.slice(value.lastIndexOf('\n', start - 1) + 1, start);
  const text = `\n${/^ */.exec(front)?.[0] ?? ''}${/:\s*$/.test(front) ? INDENT : ''}`;
  return { from: start, to: end, text, select: [start + text.length, start + text.length] };
}
