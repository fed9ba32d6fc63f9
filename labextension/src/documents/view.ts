/**
 * A `*.workflow.json` file as an editor: two texts that are kept the same, the file's and the one that is drawn. What
 * is typed into the file elsewhere comes here as one step, and what cannot be read is shown instead of the graph.
 */
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';

import { button, element } from '../dom';
import type { Server } from '../server';
import type { Watch } from '../watch';
import { FileWatch } from './filewatch';
import { ServerHost } from './serverhost';
import type { Surface } from './surface';
import { newText } from './texts';

const TYPING_MS = 300;

/** What the view asks of JupyterLab. */
export interface Desk {
  openAsText(path: string): void;
  save(): void;
  /** When a file was written last, as the server says it. */
  lastModified(path: string): Promise<string>;
}

/** The content of a document's tab. */
export class WorkflowView extends Widget {
  /** The workflow; for tests and for the curious. */
  readonly host: ServerHost;

  constructor(
    private readonly context: DocumentRegistry.CodeContext,
    private readonly server: Server,
    private readonly watch: Watch,
    private readonly desk: Desk
  ) {
    super();
    this.addClass('jp-bj-document-view');
    this.node.tabIndex = -1;
    this.host = new ServerHost(server);
    this.host.drawn.connect(this.push);
    // The graph keeps the keyboard's shortcuts to itself; saving is the one that everybody expects there, too.
    const save = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 's') {
        event.preventDefault();
        event.stopPropagation();
        this.desk.save();
      }
    };
    this.node.addEventListener('keydown', save, { capture: true });
    void context.ready.then(() => this.begin());
  }

  override dispose(): void {
    if (!this.isDisposed) {
      clearTimeout(this.typing);
      this.file?.stop();
      this.context.model.contentChanged.disconnect(this.hear);
      this.context.saveState.disconnect(this.onSave);
      this.context.fileChanged.disconnect(this.onFile);
      this.surface?.dispose();
      this.host.dispose();
      super.dispose();
    }
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    if (this.surface) {
      this.surface.focus();
    } else {
      this.node.focus();
    }
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.file?.look();
  }

  private surface: Surface | null = null;
  private file: FileWatch | null = null;
  private fault: HTMLElement | null = null;
  /** The text on which both sides agreed last. */
  private agreed = '';
  /** What the file on disk says, and what is on its way to it. */
  private saved = '';
  private saving = '';
  private isSaving = false;
  private typing: ReturnType<typeof setTimeout> | undefined;

  private get text(): string {
    return this.context.model.toString();
  }

  private async begin(): Promise<void> {
    const { Surface } = await import('./surface'); // with cytoscape in it, which is large
    if (this.isDisposed) {
      return;
    }
    this.surface = new Surface(this.host, this.server, this.watch);
    this.node.append(this.surface.node);
    this.file = new FileWatch(
      this.context,
      this.surface.banner,
      path => this.desk.lastModified(path),
      () => this.isVisible
    );
    this.saved = this.text;
    this.context.saveState.connect(this.onSave);
    this.context.fileChanged.connect(this.onFile);
    this.context.model.contentChanged.connect(this.hear);
    await this.pull('Open');
    if (this.node.contains(document.activeElement)) {
      this.surface.focus();
    }
  }

  /** Something was drawn: write it into the file's text. */
  private readonly push = (): void => {
    const { host, context } = this;
    if (host.text === this.agreed) {
      return;
    }
    if (this.text !== this.agreed) {
      void this.pull('Change of the file'); // typed elsewhere meanwhile; undo has what was drawn here
      return;
    }
    this.agreed = host.text;
    context.model.fromString(host.text);
    this.mark();
  };

  /** JupyterLab marks as changed what is typed into an editor of text; what is drawn is for us to mark. */
  private mark(): void {
    this.context.model.dirty = this.text !== this.saved;
  }

  private readonly onSave = (_: unknown, state: string): void => {
    if (state === 'started') {
      this.saving = this.text;
    } else if (state === 'completed') {
      this.saved = this.saving;
      this.mark(); // edits may have come while it was on its way
    }
    this.isSaving = state === 'started';
  };

  /** The file was read again, or is another one now. */
  private readonly onFile = (): void => {
    if (!this.isSaving) {
      this.saved = this.text;
      this.mark();
    }
  };

  /** The file's text has changed: by us, by an editor of text on the same file, or since it was read again. */
  private readonly hear = (): void => {
    clearTimeout(this.typing);
    if (this.text !== this.agreed) {
      if (this.text === this.saved) {
        this.mark(); // read again from the file
      }
      this.typing = setTimeout(() => {
        void this.pull('Change of the file');
      }, TYPING_MS);
    }
  };

  /** Draw what the file says now. */
  private async pull(title: string): Promise<void> {
    const text = this.text;
    this.agreed = text;
    try {
      await this.host.replace(text, title);
      this.showFault(null);
    } catch (error) {
      if (!this.isDisposed && text === this.text) {
        this.showFault(error instanceof Error ? error.message : String(error));
      }
    }
  }

  private showFault(message: string | null): void {
    this.fault?.remove();
    this.fault = null;
    if (this.surface) {
      this.surface.canvas.hidden = message !== null;
    }
    if (message === null) {
      return;
    }
    const { path } = this.context;
    const isEmpty = this.text.trim() === '';
    const retry = button('jp-bj-push', 'Try again', () => void this.pull('Open'), 'Try again');
    const begin = button(
      'jp-bj-push',
      'Begin a workflow',
      () => void this.fill(),
      'Begin a workflow'
    );
    this.fault = element(
      'div',
      'jp-bj-trouble',
      { role: 'alert' },
      element(
        'h2',
        '',
        {},
        isEmpty ? 'This file is empty' : 'This file cannot be shown as a workflow'
      ),
      element('p', '', {}, isEmpty ? 'A workflow can begin here.' : message),
      element(
        'div',
        'jp-bj-pushes',
        {},
        isEmpty ? begin : retry,
        button(
          'jp-bj-push',
          'Open as text',
          () => {
            this.desk.openAsText(path);
          },
          'Open as text'
        )
      )
    );
    this.node.append(this.fault);
  }

  private async fill(): Promise<void> {
    try {
      this.context.model.fromString(await newText(this.server, 'Untitled'));
    } catch (error) {
      this.showFault(error instanceof Error ? error.message : String(error));
    }
  }
}
