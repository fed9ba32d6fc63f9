/** One workflow in the side bar. */
import { button, drawing, element, OWN_KEYS, setText } from '../dom';
import * as icons from '../icons';
import { counted } from '../text';
import type { WorkflowSummary } from '../types';
import { action, messageOf } from './pieces';
import { makeDraggable } from './drag';
import { MORE } from './icons';
import type { Row } from './rows';

/** What a row can have done. */
export interface Deeds {
  isPublished(id: string): boolean;
  open(one: WorkflowSummary): Promise<void>;
  openMenu(row: WorkflowRow, x: number, y: number): void;
  rename(one: WorkflowSummary, name: string): Promise<void>;
  remove(one: WorkflowSummary): Promise<void>;
}

/** One workflow: its name opens it, what else can be done is in a menu, and what that asks stands below. */
export class WorkflowRow implements Row<WorkflowSummary> {
  readonly node = element('li', 'jp-bj-barrow');

  constructor(
    public item: WorkflowSummary,
    private readonly deeds: Deeds
  ) {
    this.opener.append(drawing(icons.FLOW), this.name, this.about);
    this.opener.addEventListener('click', () => {
      void this.attempt(row => this.deeds.open(row.item));
    });
    makeDraggable(this.opener, () => this.item.name);
    this.node.append(this.opener, this.menuButton, this.below);
    this.node.addEventListener('contextmenu', event => {
      event.preventDefault();
      event.stopPropagation();
      this.deeds.openMenu(this, event.clientX, event.clientY);
    });
    this.below.addEventListener('keydown', event => {
      if (event.key === 'Escape') {
        this.closeBelow();
      }
    });
  }

  update(item: WorkflowSummary): void {
    this.item = item;
    setText(this.name, item.name);
    const hint = `Open ${item.name} as a canvas in a new notebook, or drag it into one`;
    if (this.opener.title !== hint) {
      this.opener.title = hint;
      this.menuButton.title = `More about ${item.name}`;
      this.menuButton.setAttribute('aria-label', this.menuButton.title);
    }
    const parts = [counted(item.node_count, 'node'), `version ${item.version}`];
    const published = this.deeds.isPublished(item.id) ? ['published'] : [];
    setText(this.about, [...parts, ...published].join(' · '));
    this.node.classList.toggle('jp-mod-published', published.length > 0);
  }

  /** Do something; what goes wrong is said below. */
  async attempt(run: (row: this) => Promise<void> | void): Promise<void> {
    try {
      this.below.replaceChildren();
      await run(this);
    } catch (error) {
      this.below.replaceChildren(
        element('div', 'jp-bj-problem', { role: 'alert' }, messageOf(error))
      );
    }
  }

  /** Ask for another name. */
  askName(): void {
    const input = element('input', 'jp-bj-search', {
      ...OWN_KEYS,
      'aria-label': `New name of ${this.item.name}`,
      maxlength: '200'
    });
    input.value = this.item.name;
    const form = element('form', 'jp-bj-ask', {}, input);
    const save = action('Rename', 'Save under this name', () => undefined, 'main');
    save.type = 'submit';
    form.append(element('div', 'jp-bj-actions', {}, save, this.keep('Cancel')));
    form.addEventListener('submit', event => {
      event.preventDefault();
      const name = input.value.trim();
      if (name) {
        void this.finish(() => this.deeds.rename(this.item, name));
      }
    });
    this.below.replaceChildren(form);
    input.focus();
    input.select();
  }

  /** Ask whether to delete it. */
  askDelete(): void {
    const keep = this.keep('Keep');
    const versions = counted(this.item.version, 'version');
    const remove = action(
      'Delete',
      `Delete ${this.item.name}`,
      () => void this.finish(() => this.deeds.remove(this.item)),
      'danger'
    );
    this.below.replaceChildren(
      element(
        'div',
        'jp-bj-ask',
        { role: 'group', 'aria-label': `Delete ${this.item.name}?` },
        element('div', '', {}, `Delete “${this.item.name}” with ${versions}? Its runs stay.`),
        element('div', 'jp-bj-actions', {}, remove, keep)
      )
    );
    keep.focus();
  }

  /** Where the menu was opened from. */
  focusMenuButton(): void {
    if (!this.below.contains(document.activeElement)) {
      this.menuButton.focus();
    }
  }

  private readonly name = element('span', 'jp-bj-name');
  private readonly about = element('span', 'jp-bj-note');
  private readonly opener = element('button', 'jp-bj-entry', { ...OWN_KEYS, type: 'button' });
  private readonly below = element('div', 'jp-bj-below');
  private readonly menuButton = this.makeMenuButton();

  private makeMenuButton(): HTMLButtonElement {
    const made = button(
      'jp-bj-tool jp-bj-more',
      '',
      () => {
        const { left, bottom } = made.getBoundingClientRect();
        this.deeds.openMenu(this, left, bottom);
      },
      drawing(MORE)
    );
    made.setAttribute('aria-haspopup', 'menu');
    return made;
  }

  private keep(label: string): HTMLButtonElement {
    return action(label, 'Leave it as it is', () => {
      this.closeBelow();
    });
  }

  private closeBelow(): void {
    this.below.replaceChildren();
    this.menuButton.focus();
  }

  private async finish(run: () => Promise<void>): Promise<void> {
    this.menuButton.focus();
    await this.attempt(run);
  }
}
