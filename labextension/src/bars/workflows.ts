/** The side bar *Workflows*: what is saved, found by words and tags, opened, dragged into a notebook, looked after. */
import { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';

import { element, OWN_KEYS, setText } from '../dom';
import { fileName } from '../opening';
import { PAGE, type Server } from '../server';
import type { WorkflowSummary } from '../types';
import { Bar } from './bar';
import { action, announce, searchBox } from './pieces';
import { Rows } from './rows';
import { content, copyName, found, isKnown, tagsOf } from './shelf';
import { type Deeds, WorkflowRow } from './workflow-row';

const EVERY_SECONDS = 5;
const SHOWN = 50;
const MAX_TAGS = 12;

/** What the bar asks of the application around it. */
export interface Desk {
  /** Open a workflow as a canvas in a new notebook, with a run if one is named. */
  open(id: string, name: string, executionId?: string): Promise<void>;
  /** Put a cell with the workflow into the notebook in front; false when there is none. */
  insert(name: string): boolean;
  /** Show the runs of a workflow. */
  showRuns(id: string, name: string): void;
}

/** The side bar *Workflows*. */
export class WorkflowsBar extends Bar {
  constructor(
    private readonly server: Server,
    private readonly desk: Desk
  ) {
    super('builder-jupyter-workflows', 'Workflows', EVERY_SECONDS);
    this.search.addEventListener('input', () => {
      this.restrict();
    });
    this.more.addEventListener('click', () => {
      this.shown += SHOWN;
      this.draw();
    });
    this.menu.node.classList.add('jp-bj-menu');
    this.node.append(this.search, this.chips, this.note, this.rows.node, this.more);
    this.addCommands();
  }

  override dispose(): void {
    this.menu.dispose();
    super.dispose();
  }

  protected override async load(): Promise<void> {
    const [first, published] = await Promise.all([
      this.server.workflowPage(0),
      this.everything(true)
    ]);
    this.published = new Set(published.map(one => one.id));
    if (first.length < PAGE) {
      this.workflows = first;
    } else if (!isKnown(this.workflows, first)) {
      this.workflows = await this.everything(false, first);
    }
    this.isLoaded = true;
  }

  protected override draw(): void {
    this.drawChips();
    const all = found(this.workflows, this.search.value, this.tags);
    this.say(all.length || !this.isLoaded ? '' : this.emptiness);
    this.rows.show(all.slice(0, this.shown));
    this.more.hidden = all.length <= this.shown;
    setText(this.more, `Show ${Math.min(SHOWN, all.length - this.shown)} more of ${all.length}`);
  }

  private workflows: WorkflowSummary[] = [];
  private published = new Set<string>();
  private isLoaded = false;
  private shown = SHOWN;
  private readonly tags = new Set<string>();
  private tagsDrawn = '';
  private chosen: WorkflowRow | null = null;
  private readonly search = searchBox('Search workflows');
  private readonly chips = element('div', 'jp-bj-tags', { role: 'group', 'aria-label': 'Tags' });
  private readonly more = action('', 'Show more workflows', () => undefined);
  private readonly rows = new Rows<WorkflowSummary, WorkflowRow>(
    'Workflows',
    one => one.id,
    one => new WorkflowRow(one, this.deeds())
  );
  private readonly commands = new CommandRegistry();
  private readonly menu = new Menu({ commands: this.commands });

  private get emptiness(): string {
    return this.workflows.length
      ? 'No workflow is like that.'
      : 'No workflow has been saved yet. Run one from a canvas, or save it with client.save(workflow).';
  }

  private async everything(
    isPublished: boolean,
    first: WorkflowSummary[] = []
  ): Promise<WorkflowSummary[]> {
    const all = new Map(first.map(one => [one.id, one]));
    for (let offset = first.length; offset % PAGE === 0;) {
      const page = await this.server.workflowPage(offset, isPublished);
      page.forEach(one => all.set(one.id, one));
      offset += page.length;
      if (!page.length) {
        break;
      }
    }
    return [...all.values()];
  }

  private restrict(): void {
    this.shown = SHOWN;
    this.draw();
  }

  private drawChips(): void {
    const all = tagsOf(this.workflows);
    for (const tag of this.tags) {
      if (!all.includes(tag)) {
        this.tags.delete(tag);
      }
    }
    const tags = [...new Set([...this.tags, ...all])].slice(0, Math.max(MAX_TAGS, this.tags.size));
    tags.sort((a, b) => all.indexOf(a) - all.indexOf(b));
    if (tags.join('\n') !== this.tagsDrawn) {
      this.tagsDrawn = tags.join('\n');
      this.chips.replaceChildren(...tags.map(tag => this.chip(tag)));
    }
    this.chips.hidden = !tags.length;
  }

  private chip(tag: string): HTMLElement {
    const chip = element(
      'button',
      'jp-bj-chip',
      { ...OWN_KEYS, type: 'button', 'aria-pressed': String(this.tags.has(tag)) },
      tag
    );
    chip.addEventListener('click', () => {
      const isOn = this.tags.delete(tag);
      if (!isOn) {
        this.tags.add(tag);
      }
      chip.setAttribute('aria-pressed', String(!isOn));
      this.restrict();
    });
    return chip;
  }

  private deeds(): Deeds {
    return {
      isPublished: id => this.published.has(id),
      open: one => this.desk.open(one.id, one.name),
      openMenu: (row, x, y) => {
        this.openMenu(row, x, y);
      },
      rename: async (one, name) => {
        await this.server.rename(one.id, name);
        await this.refresh();
      },
      remove: async one => {
        await this.server.remove(one.id);
        announce(`${one.name} is deleted`);
        await this.refresh();
      }
    };
  }

  private openMenu(row: WorkflowRow, x: number, y: number): void {
    this.chosen = row;
    const isPublished = this.published.has(row.item.id);
    this.menu.clearItems();
    for (const command of ['open', 'insert', 'runs', '', 'duplicate', 'export', 'rename', '']) {
      this.menu.addItem(command ? { command } : { type: 'separator' });
    }
    this.menu.addItem({ command: isPublished ? 'unpublish' : 'publish' });
    this.menu.addItem({ type: 'separator' });
    this.menu.addItem({ command: 'delete' });
    this.menu.aboutToClose.connect(refocus);
    this.menu.open(x, y);

    function refocus(menu: Menu): void {
      menu.aboutToClose.disconnect(refocus);
      row.focusMenuButton();
    }
  }

  private addCommands(): void {
    const add = (id: string, label: string, run: (row: WorkflowRow) => Promise<void> | void) => {
      this.commands.addCommand(id, {
        label,
        execute: () => this.chosen?.attempt(run)
      });
    };
    add('open', 'Open as canvas in a notebook', row => this.desk.open(row.item.id, row.item.name));
    add('insert', 'Insert into the current notebook', row => {
      if (!this.desk.insert(row.item.name)) {
        throw new Error('There is no notebook in front to insert a cell into.');
      }
      announce(`A cell with ${row.item.name} was inserted`);
    });
    add('runs', 'Show its runs', row => {
      this.desk.showRuns(row.item.id, row.item.name);
    });
    add('duplicate', 'Duplicate', row => this.duplicate(row.item));
    add('export', 'Export as JSON', row => this.export(row.item));
    add('rename', 'Rename…', row => {
      row.askName();
    });
    add('publish', 'Publish this version', row => this.publish(row.item, true));
    add('unpublish', 'Unpublish', row => this.publish(row.item, false));
    add('delete', 'Delete…', row => {
      row.askDelete();
    });
  }

  private async duplicate(one: WorkflowSummary): Promise<void> {
    const names = this.workflows.map(other => other.name);
    const name = copyName(one.name, names);
    const id = await this.server.create({ ...content(await this.server.workflow(one.id)), name });
    this.search.value = '';
    await this.refresh();
    announce(`${name} is saved`);
    this.rows.get(id)?.node.querySelector('button')?.focus();
  }

  private async export(one: WorkflowSummary): Promise<void> {
    const text = JSON.stringify(content(await this.server.workflow(one.id)), null, 2);
    const address = URL.createObjectURL(new Blob([`${text}\n`], { type: 'application/json' }));
    const link = element('a', '', {
      href: address,
      download: `${fileName(one.name)}.workflow.json`
    });
    link.click();
    URL.revokeObjectURL(address);
  }

  private async publish(one: WorkflowSummary, isPublished: boolean): Promise<void> {
    await this.server.publish(one.id, isPublished);
    await this.refresh();
    announce(`${one.name} is ${isPublished ? 'published' : 'no longer published'}`);
  }
}
