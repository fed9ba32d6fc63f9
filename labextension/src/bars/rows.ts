/** Lists that are refreshed again and again while somebody works in them. */
import { element } from '../dom';

/** One item on the page. */
export interface Row<T> {
  readonly node: HTMLLIElement;
  /** Show the item as it stands now. */
  update(item: T): void;
}

/**
 * A list with one row an item. A row stays the same element as long as its item is there, so what is typed, opened or
 * focused in it outlives every refresh; when a row with the focus goes, its neighbour has it.
 */
export class Rows<T, R extends Row<T>> {
  readonly node = element('ul', 'jp-bj-list', { role: 'list' });

  constructor(
    label: string,
    private readonly keyOf: (item: T) => string,
    private readonly make: (item: T) => R
  ) {
    this.node.setAttribute('aria-label', label);
  }

  /** The row of an item. */
  get(key: string): R | undefined {
    return this.rows.get(key);
  }

  /** Show these items in this order. */
  show(items: readonly T[]): void {
    const focused = this.node.contains(document.activeElement) ? document.activeElement : null;
    const place = focused ? [...this.node.children].findIndex(row => row.contains(focused)) : -1;
    const wanted = new Set(items.map(this.keyOf));
    for (const [key, row] of this.rows) {
      if (!wanted.has(key)) {
        row.node.remove();
        this.rows.delete(key);
      }
    }
    items.forEach((item, index) => {
      this.put(item, index);
    });
    if (focused instanceof HTMLElement && document.activeElement !== focused) {
      this.refocus(focused, place);
    }
  }

  private readonly rows = new Map<string, R>();

  private put(item: T, index: number): void {
    const key = this.keyOf(item);
    let row = this.rows.get(key);
    if (!row) {
      row = this.make(item);
      this.rows.set(key, row);
    }
    row.update(item);
    if (this.node.children[index] !== row.node) {
      this.node.insertBefore(row.node, this.node.children[index] ?? null);
    }
  }

  /** A row that was moved has lost the focus with that; one that is gone leaves it to the next. */
  private refocus(focused: HTMLElement, place: number): void {
    const heir = this.node.children[Math.min(place, this.node.children.length - 1)];
    const target = focused.isConnected ? focused : heir?.querySelector('button');
    (target ?? this.firstBefore())?.focus({ preventScroll: true });
  }

  private firstBefore(): HTMLElement | null {
    return this.node.parentElement?.querySelector<HTMLElement>('input, button') ?? null;
  }
}
