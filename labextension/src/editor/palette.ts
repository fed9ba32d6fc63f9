/** The node types at the left edge: icons, with titles and search when it is open. Click adds, dragging places. */
import { tile } from '../card';
import { button, drawing, element, OWN_KEYS } from '../dom';
import * as icons from '../icons';
import type { NodeKind } from './host';

/** What is dragged from a palette: the name of a node type. */
export const KIND_MIME = 'application/vnd.builder.node-type';

/** The palette of one canvas. */
export class Palette {
  constructor(
    private readonly node: HTMLElement,
    private readonly onAdd: (kind: NodeKind) => void
  ) {
    this.toggle = button(
      'jp-bj-tool',
      'Names of the node types',
      () => {
        this.open(!this.isOpen);
      },
      drawing(icons.PALETTE)
    );
    this.search = element('input', 'jp-bj-filter', {
      ...OWN_KEYS,
      type: 'search',
      placeholder: 'Search',
      'aria-label': 'Search the node types'
    });
    this.search.addEventListener('input', () => {
      this.filter();
    });
    this.search.addEventListener('keydown', event => {
      event.stopPropagation();
      if (event.key === 'Enter') {
        this.first?.click();
      } else if (event.key === 'ArrowDown') {
        this.first?.focus();
      } else if (event.key === 'Escape') {
        this.leave();
      }
    });
    this.list.addEventListener('keydown', event => {
      this.walk(event);
    });
    this.open(false);
    node.replaceChildren(
      element('div', 'jp-bj-palette-head', {}, this.toggle, this.search),
      this.list
    );
  }

  /** Called when the keyboard leaves the palette. */
  leave: () => void = () => undefined;

  /** Show these types. */
  setKinds(kinds: NodeKind[]): void {
    this.list.replaceChildren(...kinds.map(kind => this.entry(kind)));
    this.filter();
  }

  /** Open it and type. */
  focus(): void {
    this.open(true);
    this.search.select();
    this.search.focus();
  }

  private isOpen = false;
  private readonly toggle: HTMLButtonElement;
  private readonly search: HTMLInputElement;
  private readonly list = element('div', 'jp-bj-kinds', {
    role: 'toolbar',
    'aria-label': 'Node types',
    'aria-orientation': 'vertical'
  });

  private get entries(): HTMLElement[] {
    return [...this.list.querySelectorAll<HTMLElement>('button:not([hidden])')];
  }

  private get first(): HTMLElement | undefined {
    return this.entries[0];
  }

  private open(isOpen: boolean): void {
    this.isOpen = isOpen;
    this.node.classList.toggle('jp-mod-open', isOpen);
    this.search.hidden = !isOpen;
    this.toggle.setAttribute('aria-expanded', String(isOpen));
    if (!isOpen) {
      this.search.value = '';
      this.filter();
    }
  }

  private entry(kind: NodeKind): HTMLElement {
    const words = element(
      'span',
      'jp-bj-words',
      {},
      element('span', 'jp-bj-name', {}, kind.title),
      element('span', 'jp-bj-kind', {}, kind.description)
    );
    const made = button(
      'jp-bj-type',
      `${kind.title}: ${kind.description}`,
      () => {
        this.onAdd(kind);
      },
      drawing(tile(kind, 26)),
      words
    );
    made.removeAttribute('aria-label'); // its words are its name, and where they are hidden, its title is
    made.dataset.type = kind.type;
    made.dataset.find = `${kind.type} ${kind.title} ${kind.description}`.toLowerCase();
    made.draggable = true;
    made.addEventListener('dragstart', event => {
      event.dataTransfer?.setData(KIND_MIME, kind.type);
      if (event.dataTransfer) {
        event.dataTransfer.effectAllowed = 'copy';
      }
      event.stopPropagation();
    });
    return made;
  }

  private filter(): void {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const entry of this.list.querySelectorAll<HTMLElement>('button')) {
      entry.hidden = !words.every(word => entry.dataset.find?.includes(word));
    }
  }

  private walk(event: KeyboardEvent): void {
    const { entries } = this;
    const here = entries.indexOf(document.activeElement as HTMLElement);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step) {
      entries[(here + step + entries.length) % entries.length]?.focus();
      event.preventDefault();
    } else if (event.key === 'Escape') {
      this.leave();
    }
    event.stopPropagation();
  }
}
