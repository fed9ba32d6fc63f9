/** Values that are entered row by row: the ways out of a router, arguments by name. */
import { button, drawing, element, OWN_KEYS, setText } from '../dom';
import { CROSS, PLUS, UP } from '../icons';
import { complete } from './complete';
import type { Control } from './control';
import type { Offer } from './names';
import { patternFault } from './patterns';

/** Rows that can be added and taken away. */
abstract class RowsControl<R> implements Control {
  readonly node = element('div', 'jp-bj-rows', { role: 'group' });
  onInput: () => void = () => undefined;
  onDone: () => void = () => undefined;

  constructor(private readonly noun: string) {
    this.more = button(
      'jp-bj-more',
      `Add ${noun}`,
      () => {
        this.add();
      },
      drawing(PLUS),
      `Add ${noun}`
    );
    this.node.append(this.list, this.more);
  }

  get target(): HTMLElement {
    return this.node;
  }

  abstract get(): unknown;
  abstract set(value: unknown): void;
  protected abstract empty(): R;
  /** The boxes of one row. */
  protected abstract boxes(row: R, index: number): HTMLElement[];
  protected rows: R[] = [];

  protected draw(): void {
    this.list.replaceChildren(
      ...this.rows.map((row, i) =>
        element(
          'div',
          'jp-bj-row',
          {},
          ...this.boxes(row, i),
          element('span', 'jp-bj-rowtools', {}, i > 0 && this.up(i), this.off(i))
        )
      )
    );
  }

  /** A box of a row. */
  protected box(label: string, value: string, write: (text: string) => void): HTMLInputElement {
    const made = element('input', '', {
      ...OWN_KEYS,
      ...{ type: 'text', 'aria-label': label, placeholder: label, autocomplete: 'off' }
    });
    made.value = value;
    made.addEventListener('input', () => {
      write(made.value);
      this.onInput();
    });
    made.addEventListener('change', () => {
      this.onDone();
    });
    made.addEventListener('keydown', event => {
      if (event.key === 'Enter' && !event.isComposing) {
        event.preventDefault();
        this.onDone();
      }
    });
    return made;
  }

  protected settle(): void {
    this.onInput();
    this.onDone();
  }

  private readonly list = element('div', 'jp-bj-rowlist');
  private readonly more: HTMLButtonElement;

  private add(): void {
    this.rows.push(this.empty());
    this.draw();
    this.list.querySelector<HTMLElement>('.jp-bj-row:last-child input')?.focus();
    this.onInput();
  }

  private up(index: number): HTMLElement {
    return button(
      'jp-bj-tool',
      `Move ${this.noun} ${index + 1} up`,
      () => {
        const [moved] = this.rows.splice(index, 1);
        if (moved !== undefined) {
          this.rows.splice(index - 1, 0, moved);
        }
        this.draw();
        this.settle();
      },
      drawing(UP)
    );
  }

  private off(index: number): HTMLElement {
    return button(
      'jp-bj-tool',
      `Remove ${this.noun} ${index + 1}`,
      () => {
        this.rows.splice(index, 1);
        this.draw();
        this.more.focus();
        this.settle();
      },
      drawing(CROSS)
    );
  }
}

/** A condition while it is edited; `isWord` where it is one text, label and pattern in one. */
interface Way {
  label: string;
  pattern: string;
  isWord: boolean;
  rest: Record<string, unknown>;
}

/** The conditions of a router. What is wrong with a pattern is said while it is typed. */
export class ConditionsControl extends RowsControl<Way> {
  constructor() {
    super('condition');
  }

  get(): unknown {
    return this.rows
      .filter(({ label, pattern, rest }) => label || pattern || Object.keys(rest).length)
      .map(({ label, pattern, isWord, rest }) => (isWord ? label : { ...rest, label, pattern }));
  }

  set(value: unknown): void {
    this.rows = (Array.isArray(value) ? (value as unknown[]) : []).map(wayOf);
    this.draw();
  }

  protected empty(): Way {
    return { label: '', pattern: '', isWord: false, rest: {} };
  }

  protected boxes(row: Way, index: number): HTMLElement[] {
    const fault = element('span', 'jp-bj-fault', { role: 'status' });
    const check = (): void => {
      setText(fault, patternFault(row.pattern));
      fault.hidden = !fault.textContent;
    };
    const label = this.box(`Label ${index + 1}`, row.label, text => {
      row.label = text;
    });
    const pattern = this.box(`Pattern ${index + 1}`, row.pattern, text => {
      row.pattern = text;
      row.isWord = row.isWord && !text;
      check();
    });
    label.placeholder = 'label';
    pattern.placeholder = row.isWord ? 'the label itself' : 'anything';
    pattern.classList.add('jp-mod-code');
    pattern.spellcheck = false;
    check();
    return [label, pattern, fault];
  }
}

function wayOf(value: unknown): Way {
  if (typeof value === 'string') {
    return { label: value, pattern: '', isWord: true, rest: {} };
  }
  const { label, pattern, ...rest } = value as Record<string, unknown>;
  const text = (given: unknown): string => (typeof given === 'string' ? given : '');
  return { label: text(label), pattern: text(pattern), isWord: false, rest };
}

/** A named value while it is edited; anything but a text is written as JSON. */
interface Pair {
  name: string;
  text: string;
  isJson: boolean;
}

/** Values by name. */
export class PairsControl extends RowsControl<Pair> {
  constructor(private readonly offers: (() => Offer[]) | null) {
    super('argument');
  }

  get(): unknown {
    const named = this.rows.filter(({ name, text }) => name || text);
    const names = named.map(({ name }) => name.trim());
    if (names.includes('')) {
      throw new Error('A value has no name.');
    }
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) {
      throw new Error(`There are two values with the name ${twice}.`);
    }
    return Object.fromEntries(named.map((pair, i) => [names[i], valueOf(pair)]));
  }

  set(value: unknown): void {
    this.rows = Object.entries((value ?? {}) as Record<string, unknown>).map(([name, one]) => ({
      name,
      text: typeof one === 'string' ? one : JSON.stringify(one),
      isJson: typeof one !== 'string'
    }));
    this.draw();
  }

  protected empty(): Pair {
    return { name: '', text: '', isJson: false };
  }

  protected boxes(row: Pair, index: number): HTMLElement[] {
    const name = this.box(`Name ${index + 1}`, row.name, text => {
      row.name = text;
    });
    const value = this.box(`Value ${index + 1}`, row.text, text => {
      row.text = text;
    });
    [name.placeholder, value.placeholder] = ['name', 'value'];
    const kind = element(
      'select',
      '',
      { ...OWN_KEYS, 'aria-label': `Kind of value ${index + 1}` },
      element('option', '', { value: 'text' }, 'text'),
      element('option', '', { value: 'json' }, 'JSON')
    );
    kind.value = row.isJson ? 'json' : 'text';
    kind.addEventListener('change', () => {
      row.isJson = kind.value === 'json';
      this.settle();
    });
    return [name, this.offers ? complete(value, true, this.offers) : value, kind];
  }
}

function valueOf({ name, text, isJson }: Pair): unknown {
  if (!isJson) {
    return text;
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error(`The value of ${name} is not JSON.`);
  }
}
