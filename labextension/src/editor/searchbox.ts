/** Finding a node by typing: a box over the graph with what matches below it. */
import { lookOf, tile } from '../card';
import { drawing, element, OWN_KEYS } from '../dom';
import type { Doc, DocNode } from '../types';
import { matches } from './matching';

/** The search over one graph. */
export class SearchBox {
  readonly node: HTMLElement;

  constructor(
    private readonly doc: () => Doc,
    /** Go to a node. */
    private readonly onChoose: (id: string) => void,
    private readonly onClose: () => void
  ) {
    this.box = element('input', '', {
      ...OWN_KEYS,
      type: 'search',
      placeholder: 'Find a node',
      'aria-label': 'Find a node',
      role: 'combobox',
      'aria-expanded': 'true',
      'aria-autocomplete': 'list'
    });
    this.node = element('div', 'jp-bj-finder', {}, this.box, this.list);
    this.node.hidden = true;
    this.box.addEventListener('input', () => {
      this.show(0);
    });
    this.box.addEventListener('keydown', event => {
      this.press(event);
    });
    this.list.addEventListener('mousedown', event => {
      event.preventDefault(); // the box keeps the focus
      const line = (event.target as Element).closest<HTMLElement>('[data-node]');
      this.choose(line?.dataset.node);
    });
    this.node.addEventListener('focusout', () => {
      this.node.hidden = true;
    });
  }

  /** Let the user type. */
  open(): void {
    this.node.hidden = false;
    this.box.select();
    this.box.focus();
    this.show(0);
  }

  private readonly box: HTMLInputElement;
  private readonly list = element('div', 'jp-bj-found', { role: 'listbox' });
  private found: DocNode[] = [];
  private at = 0;

  private press(event: KeyboardEvent): void {
    event.stopPropagation();
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step) {
      this.show(this.at + step);
      event.preventDefault();
    } else if (event.key === 'Enter') {
      this.choose(this.found[this.at]?.id);
    } else if (event.key === 'Escape') {
      this.close();
    } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'f') {
      event.preventDefault();
    }
  }

  private show(at: number): void {
    const doc = this.doc();
    this.found = matches(doc.nodes, this.box.value);
    this.at = Math.max(0, Math.min(at, this.found.length - 1));
    this.list.replaceChildren(
      ...this.found.map((node, index) =>
        element(
          'div',
          'jp-bj-item',
          { role: 'option', 'data-node': node.id, 'aria-selected': String(index === this.at) },
          drawing(tile(lookOf(doc.looks, node.type), 18)),
          element('span', 'jp-bj-name', {}, node.label),
          element('span', 'jp-bj-kind', {}, node.label === node.id ? node.type : node.id)
        )
      )
    );
    if (this.box.value.trim() && !this.found.length) {
      this.list.append(element('div', 'jp-bj-kind', {}, 'No node is called so.'));
    }
    this.list.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }

  private choose(id: string | undefined): void {
    if (id !== undefined) {
      this.close();
      this.onChoose(id);
    }
  }

  private close(): void {
    this.node.hidden = true;
    this.onClose();
  }
}
