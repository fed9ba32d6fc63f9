/** A menu at a point of the page: arrow keys, Enter, Escape, the first letter; gone with the first click elsewhere. */
import { drawing, element, OWN_KEYS } from '../dom';
import { shownKey } from './keys';

/** One line of a menu; null is a rule between lines. */
export type MenuItem = {
  title: string;
  key?: string | undefined;
  /** SVG text before the title. */
  icon?: string | undefined;
  /** Said in place of doing anything. */
  isDisabled?: boolean;
  run: () => void;
} | null;

const MARGIN = 8;

/** An open menu. It is put into the page itself, because a cell would cut it off. */
export class Menu {
  readonly node: HTMLElement;

  constructor(
    items: MenuItem[],
    at: { x: number; y: number },
    private readonly onClose: () => void,
    label: string
  ) {
    this.node = element('div', 'jp-bj-menu', { ...OWN_KEYS, role: 'menu', 'aria-label': label });
    for (const item of items) {
      this.node.append(item ? this.line(item) : element('hr', '', { role: 'separator' }));
    }
    document.body.append(this.node);
    const { width, height } = this.node.getBoundingClientRect();
    this.node.style.left = `${Math.max(MARGIN, Math.min(at.x, innerWidth - width - MARGIN))}px`;
    this.node.style.top = `${Math.max(MARGIN, Math.min(at.y, innerHeight - height - MARGIN))}px`;
    this.node.addEventListener('keydown', this.onKey);
    this.node.addEventListener('contextmenu', event => {
      event.preventDefault();
    });
    document.addEventListener('pointerdown', this.onOutside, true);
    document.addEventListener('wheel', this.onOutside, { capture: true, passive: true });
    window.addEventListener('blur', this.close);
    this.lines[0]?.focus();
  }

  /** Take it off the page. */
  readonly close = (): void => {
    if (this.node.isConnected) {
      document.removeEventListener('pointerdown', this.onOutside, true);
      document.removeEventListener('wheel', this.onOutside, true);
      window.removeEventListener('blur', this.close);
      this.node.remove();
      this.onClose();
    }
  };

  private get lines(): HTMLElement[] {
    return [...this.node.querySelectorAll<HTMLElement>('[role=menuitem]')];
  }

  private line(item: NonNullable<MenuItem>): HTMLElement {
    const made = element(
      'div',
      'jp-bj-item',
      {
        ...OWN_KEYS,
        role: 'menuitem',
        tabindex: '-1',
        'aria-disabled': String(item.isDisabled ?? false)
      },
      item.icon ? drawing(item.icon) : element('span', 'jp-bj-icon'),
      element('span', 'jp-bj-name', {}, item.title),
      item.key ? element('kbd', '', {}, shownKey(item.key)) : null
    );
    made.addEventListener('pointerenter', () => {
      made.focus();
    });
    made.addEventListener('click', () => {
      if (!item.isDisabled) {
        this.close();
        item.run();
      }
    });
    return made;
  }

  private readonly onOutside = (event: Event): void => {
    if (!this.node.contains(event.target as Node)) {
      this.close();
    }
  };

  private readonly onKey = (event: KeyboardEvent): void => {
    const { lines } = this;
    const here = lines.indexOf(document.activeElement as HTMLElement);
    const to: Record<string, number> = {
      ArrowDown: (here + 1) % lines.length,
      ArrowUp: (here - 1 + lines.length) % lines.length,
      Home: 0,
      End: lines.length - 1
    };
    const letter = event.key.toLowerCase();
    const after = [...lines.slice(here + 1), ...lines.slice(0, here + 1)];
    if (event.key in to) {
      lines[to[event.key] ?? 0]?.focus();
    } else if (event.key === 'Enter' || event.key === ' ') {
      lines[here]?.click();
    } else if (event.key === 'Escape' || event.key === 'Tab') {
      this.close();
    } else if (letter.length === 1) {
      after
        .find(line =>
          line.querySelector('.jp-bj-name')?.textContent.toLowerCase().startsWith(letter)
        )
        ?.focus();
    }
    event.preventDefault();
    event.stopPropagation();
  };
}
