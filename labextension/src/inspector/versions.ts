/** The saved versions of a workflow: a line for each, what it changed, and going back to it as an edit like any other. */
import { button, element, OWN_KEYS, setText } from '../dom';
import type { EditHost } from '../editor/host';
import type { History, VersionItem, Versions } from '../versions';

/** How many are listed before somebody asks for all. */
const FIRST = 8;
const MINUTE = 60_000;
const UNITS: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, 'minute'],
  [24, 'hour'],
  [30, 'day'],
  [12, 'month'],
  [Infinity, 'year']
];

/** The list of one view. It asks the server when it can be seen and something is new. */
export class VersionsPanel {
  readonly node = element('section', 'jp-bj-versions', { 'aria-label': 'Saved versions' });

  constructor(
    private readonly edits: EditHost,
    private readonly versions: Versions
  ) {
    this.node.append(element('h4', 'jp-bj-subheading', {}, 'Versions'), this.note, this.list);
    versions.changed.connect(this.onChange);
    edits.changed.connect(this.onHost);
    this.say('');
    this.draw();
  }

  /** Whether it can be seen: only then the server is asked. */
  show(isSeen: boolean): void {
    this.isSeen = isSeen;
    this.refresh();
  }

  /** Let go of everything. */
  dispose(): void {
    this.versions.changed.disconnect(this.onChange);
    this.edits.changed.disconnect(this.onHost);
  }

  private readonly note = element('p', 'jp-bj-hint', { role: 'status' });
  private readonly list = element('ol', 'jp-bj-versionlist');
  private history: History | null = null;
  private isSeen = false;
  private isStale = true;
  private isBusy = false;
  private showsAll = false;
  /** The version whose changes are shown, and since which one. */
  private open: { version: number; since: number | null } | null = null;

  private readonly onChange = (): void => {
    this.isStale = true;
    if (this.versions.workflowId === null) {
      this.history = null;
      this.open = null;
      this.draw();
    }
    this.refresh();
  };

  private readonly onHost = (): void => {
    for (const one of this.list.querySelectorAll<HTMLButtonElement>('button[data-edit]')) {
      one.disabled = !this.edits.editable;
    }
  };

  private refresh(): void {
    if (this.isSeen && this.isStale && !this.isBusy && this.versions.workflowId !== null) {
      this.isStale = false;
      void this.work(async () => {
        this.history = await this.versions.history();
        this.draw();
      });
    }
  }

  /** Do one thing at a time; what goes wrong is said. */
  private async work(act: () => Promise<void>): Promise<void> {
    if (this.isBusy) {
      return;
    }
    this.isBusy = true;
    this.node.setAttribute('aria-busy', 'true');
    try {
      this.say('');
      await act();
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error));
    }
    this.isBusy = false;
    this.node.removeAttribute('aria-busy');
    this.refresh();
  }

  private say(text: string): void {
    const isUnsaved = this.versions.workflowId === null;
    setText(this.note, text || (isUnsaved ? 'Saved versions are listed here.' : ''));
    this.note.hidden = !this.note.textContent;
  }

  private draw(): void {
    const items = this.history?.items ?? [];
    const shown = this.showsAll ? items : items.slice(0, FIRST);
    const rows = shown.map((item, i) => this.row(item, i === 0, items));
    if (shown.length < items.length) {
      const all = `Show all ${String(items.length)} versions`;
      const more = button('jp-bj-more', all, () => {
        this.showsAll = true;
        this.draw();
      });
      more.append(all);
      rows.push(element('li', '', {}, more));
    }
    this.list.replaceChildren(...rows);
    this.list.hidden = !rows.length;
    if (!this.isBusy) {
      this.say('');
    }
    this.onHost();
  }

  private row(item: VersionItem, isLatest: boolean, items: VersionItem[]): HTMLElement {
    const { version, message, created_at: at, created_by: by } = item;
    const name = `Version ${String(version)}`;
    const isPublished = this.history?.published === version;
    const isOpen = this.open?.version === version;
    const restore = this.act('Restore', `Restore ${name.toLowerCase()}; undo takes it back`, () =>
      this.restore(version)
    );
    restore.dataset.edit = '';
    const changes = this.act('Changes', `What ${name.toLowerCase()} changed`, () => {
      const before = items.find(one => one.version < version)?.version ?? null;
      this.open = isOpen ? null : { version, since: before };
      this.draw();
      return Promise.resolve();
    });
    changes.setAttribute('aria-expanded', String(isOpen));
    const publish = isPublished
      ? this.act('Withdraw', 'Let the triggers run the newest version again', () =>
          this.publish(null)
        )
      : this.act('Publish', `Let the triggers run ${name.toLowerCase()}`, () =>
          this.publish(version)
        );
    return element(
      'li',
      'jp-bj-version',
      { 'data-version': String(version) },
      element(
        'div',
        'jp-bj-versionhead',
        {},
        element('span', 'jp-bj-name', {}, name),
        isLatest ? element('span', 'jp-bj-tag', {}, 'Newest') : null,
        isPublished ? element('span', 'jp-bj-tag jp-mod-live', {}, 'Published') : null
      ),
      element('div', 'jp-bj-versionnote', { title: at }, `${message} · ${by} · ${ago(at)}`),
      element('div', 'jp-bj-versionacts', {}, restore, changes, publish),
      isOpen ? this.changes(items) : null
    );
  }

  private act(label: string, title: string, run: () => Promise<void>): HTMLButtonElement {
    return button('jp-bj-act', title, () => void this.work(run), label);
  }

  private async restore(version: number): Promise<void> {
    const workflow = await this.versions.content(version);
    await this.edits.edit(`Restore version ${String(version)}`, [{ op: 'put_workflow', workflow }]);
    this.say(`Version ${String(version)} is back; it is not saved yet.`);
  }

  private async publish(version: number | null): Promise<void> {
    await this.versions.publish(version);
    this.history = await this.versions.history();
    this.draw();
    const done =
      version === null ? 'No version is published.' : `Version ${String(version)} is published.`;
    this.say(done);
  }

  /** The difference to another version, which can be chosen. */
  private changes(items: VersionItem[]): HTMLElement {
    const text = element('pre', 'jp-bj-diff', {
      ...OWN_KEYS,
      tabindex: '0',
      'aria-label': 'Changes'
    });
    const box = element('div', 'jp-bj-changes');
    const { open } = this;
    if (!open) {
      return box;
    }
    const others = items.filter(one => one.version !== open.version);
    const select = element('select', '', { ...OWN_KEYS, 'aria-label': 'Compare with' });
    for (const { version } of others) {
      const value = String(version);
      select.append(element('option', '', { value }, `Version ${value}`));
    }
    select.value = String(open.since ?? '');
    const load = async (): Promise<void> => {
      const { lines } = await this.versions.difference(open.version, open.since);
      text.replaceChildren(
        ...(lines.length ? lines : ['Nothing differs.']).map(line =>
          element('span', '', { 'data-sign': line[0] ?? '' }, `${line}\n`)
        )
      );
    };
    const show = (): void => {
      load().catch((error: unknown) => {
        this.say(error instanceof Error ? error.message : String(error));
      });
    };
    select.addEventListener('change', () => {
      open.since = Number(select.value);
      show();
    });
    if (others.length) {
      box.append(element('label', 'jp-bj-since', {}, 'Compared with ', select));
    }
    box.append(text);
    show();
    return box;
  }
}

/** How long ago something was, in words: `2 hours ago`. */
export function ago(at: string, now = Date.now()): string {
  const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
  let value = (now - Date.parse(at)) / MINUTE;
  if (value < 1) {
    return 'just now';
  }
  for (const [size, unit] of UNITS) {
    if (value < size) {
      return words.format(-Math.floor(value), unit);
    }
    value /= size;
  }
  return at;
}
