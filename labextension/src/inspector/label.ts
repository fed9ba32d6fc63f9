/** A label, a control and a line of help, tied together for screen readers. */
import { element } from '../dom';
import type { Control } from './control';

let count = 0;

/** What a field is called. */
export interface FieldText {
  name: string;
  label: string;
  help: string;
}

/** A field on the page. */
export class FieldLabel {
  readonly node: HTMLElement;
  readonly id = `jp-bj-field-${++count}`;

  constructor({ name, label, help }: FieldText, control: Control, ...below: HTMLElement[]) {
    const { id } = this;
    const { target } = control;
    target.id ||= id;
    const helped = help ? element('div', 'jp-bj-help', { id: `${id}-help` }, help) : null;
    below.forEach((one, i) => {
      one.id = `${id}-below-${i}`;
    });
    const described = [helped, ...below].filter(one => one !== null).map(one => one.id);
    if (described.length) {
      target.setAttribute('aria-describedby', described.join(' '));
    }
    const isGroup = target.getAttribute('role') === 'group';
    const title = isGroup
      ? element('span', 'jp-bj-label', { id: `${id}-label` }, label)
      : element('label', 'jp-bj-label', { for: target.id }, label);
    if (isGroup) {
      target.setAttribute('aria-labelledby', title.id);
    }
    this.node = element(
      'div',
      'jp-bj-field',
      { 'data-field': name },
      title,
      control.node,
      ...below,
      helped
    );
  }
}
