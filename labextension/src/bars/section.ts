/** A part of the side bar *Settings* that can be folded, and the small forms in it. */
import { element, OWN_KEYS } from '../dom';
import { messageOf } from './pieces';

/** A heading that folds what lies below it. */
export abstract class Section {
  readonly node: HTMLDetailsElement;

  constructor(title: string, isOpen = false) {
    this.node = element(
      'details',
      'jp-bj-fold',
      isOpen ? { open: '' } : {},
      element('summary', 'jp-bj-fold-title', OWN_KEYS, title),
      this.body
    );
  }

  /** Read what is shown. */
  abstract load(): Promise<void>;

  /** Show what was read. */
  abstract draw(): void;

  protected readonly body = element('div', 'jp-bj-fold-body');
  protected readonly problem = element('div', 'jp-bj-below', { role: 'alert' });

  /** Do something; what goes wrong is said below. */
  protected async attempt(run: () => Promise<void>): Promise<void> {
    try {
      this.problem.replaceChildren();
      await run();
    } catch (error) {
      this.problem.replaceChildren(element('div', 'jp-bj-problem', {}, messageOf(error)));
    }
  }
}

/** A text to fill in, with its label. */
export function textField(
  label: string,
  attributes: Record<string, string> = {}
): { node: HTMLLabelElement; input: HTMLInputElement } {
  const input = element('input', 'jp-bj-search', {
    ...{ ...OWN_KEYS, type: 'text', autocomplete: 'off', spellcheck: 'false' },
    ...attributes
  });
  return {
    node: element('label', 'jp-bj-labelled', {}, element('span', '', {}, label), input),
    input
  };
}

/** A choice, with its label. */
export function choiceField(
  label: string,
  options: readonly (readonly [value: string | number, label: string])[],
  chosen: string | number
): { node: HTMLLabelElement; select: HTMLSelectElement } {
  const select = element('select', 'jp-bj-choice', OWN_KEYS);
  for (const [value, text] of options) {
    select.append(element('option', '', { value: String(value) }, text));
  }
  select.value = String(chosen);
  const node = element('label', 'jp-bj-labelled', {}, element('span', '', {}, label), select);
  return { node, select };
}

/** A form: what is in it is sent by its button or by Enter. */
export function formOf(label: string, run: () => void, ...children: Node[]): HTMLFormElement {
  const form = element('form', 'jp-bj-ask', { 'aria-label': label, novalidate: '' }, ...children);
  form.addEventListener('submit', event => {
    event.preventDefault();
    run();
  });
  return form;
}
