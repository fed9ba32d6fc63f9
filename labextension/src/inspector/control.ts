/** What a value is entered with. */
import { element, OWN_KEYS } from '../dom';
import { type FormField, shown } from './fields';

/** A control of a form. */
export interface Control {
  readonly node: HTMLElement;
  /** What the label belongs to. */
  readonly target: HTMLElement;
  /** The value that stands there, undefined for none. Throws what is wrong with it. */
  get(): unknown;
  set(value: unknown): void;
  /** Called when something has been typed that may go on. */
  onInput: () => void;
  /** Called when it has been said to be done with. */
  onDone: () => void;
}

type TextInput = HTMLInputElement | HTMLTextAreaElement;

/** A control that is one element of the page. */
export abstract class Single<E extends TextInput | HTMLSelectElement> implements Control {
  onInput: () => void = () => undefined;
  onDone: () => void = () => undefined;

  constructor(readonly target: E) {
    target.addEventListener('input', () => {
      this.onInput();
    });
    target.addEventListener('change', () => {
      this.onDone();
    });
    target.addEventListener('blur', () => {
      this.onDone();
    });
  }

  get node(): HTMLElement {
    return this.target;
  }

  abstract get(): unknown;
  abstract set(value: unknown): void;
}

/** Text, in one line or several. */
export class TextControl extends Single<TextInput> {
  constructor(lines: number) {
    super(
      lines > 1
        ? element('textarea', '', { ...OWN_KEYS, rows: String(lines) })
        : element('input', '', { ...OWN_KEYS, type: 'text', autocomplete: 'off' })
    );
    if (lines === 1) {
      onEnter(this.target, () => {
        this.onDone();
      });
    }
  }

  get(): unknown {
    return this.target.value;
  }

  set(value: unknown): void {
    write(this.target, shown(value));
  }
}

/** A number between bounds. */
export class NumberControl extends Single<HTMLInputElement> {
  constructor(private readonly field: FormField) {
    const { kind, least, most } = field;
    super(
      element('input', '', {
        ...OWN_KEYS,
        type: 'number',
        step: kind === 'integer' ? '1' : 'any',
        ...(least === null ? {} : { min: String(least) }),
        ...(most === null ? {} : { max: String(most) }),
        ...(typeof field.default === 'number' ? { placeholder: String(field.default) } : {})
      })
    );
    onEnter(this.target, () => {
      this.onDone();
    });
  }

  get(): unknown {
    const { least, most, isAbove, kind } = this.field;
    if (this.target.validity.badInput) {
      throw new Error('This is not a number.');
    }
    if (this.target.value === '') {
      return undefined;
    }
    const value = Number(this.target.value);
    if (kind === 'integer' && !Number.isInteger(value)) {
      throw new Error('This must be a whole number.');
    }
    if (least !== null && (isAbove ? value <= least : value < least)) {
      throw new Error(
        isAbove ? `This must be more than ${least}.` : `This must be at least ${least}.`
      );
    }
    if (most !== null && value > most) {
      throw new Error(`This must be at most ${most}.`);
    }
    return value;
  }

  set(value: unknown): void {
    write(this.target, shown(value));
  }
}

/** One of several values. */
export class ChoiceControl extends Single<HTMLSelectElement> {
  constructor(private readonly field: FormField) {
    super(element('select', '', OWN_KEYS));
  }

  get(): unknown {
    return this.values[Number(this.target.value)];
  }

  set(value: unknown): void {
    const { choices, default: usual, isOptional } = this.field;
    const held = value ?? (isOptional ? undefined : usual);
    const known = choices.some(one => shown(one) === shown(held));
    this.values = [
      ...(isOptional ? [undefined] : []),
      ...choices,
      ...(held === undefined || known ? [] : [held])
    ];
    this.target.replaceChildren(
      ...this.values.map((one, i) =>
        element('option', '', { value: String(i) }, one === undefined ? '–' : shown(one))
      )
    );
    const index = this.values.findIndex(one => shown(one) === shown(held));
    this.target.value = String(index);
  }

  private values: unknown[] = [];
}

/** Yes or no. */
export class BooleanControl extends Single<HTMLInputElement> {
  constructor(private readonly field: FormField) {
    super(element('input', 'jp-bj-check', { ...OWN_KEYS, type: 'checkbox' }));
  }

  get(): unknown {
    return this.target.checked;
  }

  set(value: unknown): void {
    this.target.checked = Boolean(value ?? this.field.default);
  }
}

/** Any value, as JSON. */
export class JsonControl extends Single<HTMLTextAreaElement> {
  constructor() {
    super(element('textarea', 'jp-mod-code', { ...OWN_KEYS, rows: '4', spellcheck: 'false' }));
  }

  get(): unknown {
    const text = this.target.value.trim();
    if (!text) {
      return undefined;
    }
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new Error('This is not JSON.');
    }
  }

  set(value: unknown): void {
    write(this.target, value === undefined ? '' : JSON.stringify(value, null, 2));
  }
}

/** Put text into a box and leave the cursor where it is. */
export function write(box: TextInput, text: string): void {
  if (box.value === text) {
    return;
  }
  const hasFocus = box === document.activeElement && box.type !== 'number';
  const [start, end] = hasFocus ? [box.selectionStart, box.selectionEnd] : [null, null];
  box.value = text;
  if (hasFocus) {
    box.setSelectionRange(start, end);
  }
}

/** Call back when Enter is pressed, which would do nothing by itself. */
export function onEnter(box: HTMLElement, call: () => void): void {
  box.addEventListener('keydown', event => {
    if (event.key === 'Enter' && !event.isComposing && !event.defaultPrevented) {
      event.preventDefault();
      call();
    }
  });
}
