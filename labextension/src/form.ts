/** The inputs of a run, asked for by the trigger it begins with. */
import { element, OWN_KEYS } from './dom';
import type { Field, Trigger } from './types';

type Input = HTMLInputElement | HTMLTextAreaElement;

/** A form for the triggers of one workflow. What was typed outlives a change of the graph. */
export class InputForm {
  readonly node: HTMLFormElement;

  constructor(
    submit: () => void,
    /** Told when another trigger is chosen. */
    private readonly chose: (trigger: string | null) => void
  ) {
    this.node = element('form', 'jp-bj-form');
    this.node.addEventListener('submit', event => {
      event.preventDefault();
      submit();
    });
    this.node.addEventListener('keydown', event => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        submit();
      }
    });
    this.node.addEventListener('input', () => {
      this.remember();
    });
  }

  /** The node to start from; null when the workflow has none. */
  get trigger(): string | null {
    return this.chosen?.node ?? null;
  }

  /** Show the fields of these triggers. */
  setTriggers(triggers: Trigger[]): void {
    if (JSON.stringify(triggers) === this.shown) {
      return;
    }
    this.shown = JSON.stringify(triggers);
    this.triggers = triggers;
    this.chosen = triggers.find(one => one.node === this.chosen?.node) ?? triggers[0] ?? null;
    this.draw();
  }

  /** The inputs as they stand; empty ones are left out. Throws when a field that takes JSON holds none. */
  values(): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const [field, input] of this.inputs) {
      const text = input.value;
      if (!text.trim()) {
        continue;
      }
      if (field.kind !== 'json') {
        values[field.name] = text;
      } else {
        Object.assign(values, objectOf(text, field.label));
      }
    }
    return values;
  }

  /** Put the cursor into the first empty field; false when there is none. */
  focusEmpty(): boolean {
    const empty = this.inputs.find(
      ([field, input]) => field.kind !== 'json' && !input.value.trim()
    );
    empty?.[1].focus();
    return empty !== undefined;
  }

  private triggers: Trigger[] = [];
  private chosen: Trigger | null = null;
  private shown = '';
  private inputs: [Field, Input][] = [];
  private readonly typed = new Map<string, string>();

  private draw(): void {
    this.inputs = [];
    const rows: HTMLElement[] = [];
    if (this.triggers.length > 1) {
      rows.push(this.choice());
    }
    for (const field of this.chosen?.fields ?? []) {
      rows.push(this.row(field));
    }
    this.node.replaceChildren(...rows);
  }

  private choice(): HTMLElement {
    const list = element(
      'select',
      '',
      OWN_KEYS,
      ...this.triggers.map(one => element('option', '', { value: one.node }, one.label))
    );
    list.value = this.chosen?.node ?? '';
    list.addEventListener('change', () => {
      this.chosen = this.triggers.find(one => one.node === list.value) ?? null;
      this.draw();
      this.chose(this.trigger);
    });
    return element('label', 'jp-bj-field', {}, element('span', '', {}, 'Start at'), list);
  }

  private row(field: Field): HTMLElement {
    const attributes = { ...OWN_KEYS, name: field.name, spellcheck: String(field.kind !== 'json') };
    const input: Input =
      field.kind === 'line'
        ? element('input', '', { ...attributes, type: 'text' })
        : element('textarea', field.kind === 'json' ? 'jp-mod-code' : '', {
            ...attributes,
            rows: field.kind === 'json' ? '1' : '3'
          });
    input.value = this.typed.get(field.name) ?? field.value;
    if (field.kind === 'json') {
      input.placeholder = '{"name": "value"}';
    }
    this.inputs.push([field, input]);
    return element('label', 'jp-bj-field', {}, element('span', '', {}, field.label), input);
  }

  private remember(): void {
    for (const [field, input] of this.inputs) {
      this.typed.set(field.name, input.value);
    }
  }
}

function objectOf(text: string, label: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${label}: this is not JSON.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${label}: this is not a JSON object.`);
  }
  return value as Record<string, unknown>;
}
