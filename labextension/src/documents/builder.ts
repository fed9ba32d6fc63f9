/** The builder as a page of its own: one workflow at a time, or the list of all. It knows no Jupyter front end. */
import { element } from '../dom';
import { fileName } from '../opening';
import { contentOf, Server } from '../server';
import type { WireWorkflow } from '../types';
import { Watch } from '../watch';
import { Bar } from './bar';
import { showCode } from './code';
import { choose, download } from './dialogs';
import { Home } from './home';
import { NOWHERE, type Place, save } from './saving';
import { ServerHost } from './serverhost';
import type { Session } from './session';
import { signIn } from './signin';
import { Surface } from './surface';
import { ENDING, newText, stored, template, textOf } from './texts';

const UNNAMED = 'Untitled';

/** The whole page. The address' fragment names the workflow that is open. */
export class Builder {
  readonly node: HTMLElement;
  /** The open workflow; for tests and for the curious. */
  surface: Surface | null = null;

  constructor(
    private readonly session: Session,
    private readonly loginUrl: string
  ) {
    this.server = new Server(session);
    this.watch = new Watch(this.server);
    this.home = new Home(this.server, {
      open: id => {
        location.hash = id;
      },
      create: () => void this.begin(() => newText(this.server, UNNAMED)),
      fromTemplate: id =>
        void this.begin(async () => textOf(this.server, await template(this.server, id))),
      importFile: () => {
        this.picker.click();
      }
    });
    this.picker.addEventListener('change', () => void this.importFile());
    this.node = element('div', 'jp-bj-page', {}, this.bar.node, this.room, this.picker);
    session.refused.connect(() => {
      this.askWho();
    });
    addEventListener('hashchange', () => void this.route());
    addEventListener('beforeunload', event => {
      if (this.isDirty) {
        event.preventDefault();
      }
    });
    addEventListener(
      'keydown',
      event => {
        if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
          event.preventDefault();
          void this.save();
        }
      },
      true
    );
  }

  /** Show what the address names. */
  async route(): Promise<void> {
    const id = decodeURIComponent(location.hash.slice(1));
    if (id === (this.place.id ?? '') && (id !== '' || this.surface !== null)) {
      return;
    }
    if (!(await this.mayLeave())) {
      history.replaceState(null, '', `#${this.place.id ?? ''}`);
      return;
    }
    if (id) {
      await this.begin(async () => {
        const found = await stored(this.server, id);
        this.next = { id, version: found.version };
        return textOf(this.server, contentOf(found));
      });
    } else {
      await this.goHome();
    }
  }

  private readonly server: Server;
  private readonly watch: Watch;
  private readonly home: Home;
  private readonly room = element('div', 'jp-bj-room');
  private readonly picker = element('input', '', {
    type: 'file',
    accept: '.json,.py,application/json',
    hidden: '',
    'aria-label': 'File to import'
  });
  private readonly bar = new Bar({
    home: () => void this.leave(),
    save: () => void this.save(),
    code: () => void this.tryTo(workflow => showCode(this.server, workflow)),
    exportFile: () =>
      void this.tryTo(workflow => {
        download(
          fileName(workflow.name) + ENDING,
          this.surface?.host.text ?? '',
          'application/json'
        );
        return Promise.resolve();
      })
  });
  private place: Place = NOWHERE;
  private next: Place = NOWHERE;
  private savedText: string | null = null;
  private isSaving = false;

  private get isDirty(): boolean {
    return this.surface !== null && this.surface.host.text !== this.savedText;
  }

  private async leave(): Promise<void> {
    if (await this.mayLeave()) {
      this.close();
      history.pushState(null, '', location.pathname);
      await this.goHome();
    }
  }

  private async mayLeave(): Promise<boolean> {
    return (
      !this.isDirty ||
      (await choose('This workflow has changes that are not saved', 'They are lost if you go on.', [
        ['stay', 'Stay here'],
        ['leave', 'Leave without saving']
      ])) === 'leave'
    );
  }

  private async goHome(): Promise<void> {
    this.close();
    this.room.replaceChildren(this.home.node);
    await this.home.refresh();
  }

  private close(): void {
    this.surface?.dispose();
    this.surface = null;
    this.place = NOWHERE;
    this.savedText = null;
    this.bar.show(null, false);
  }

  /** Open what `read` gives. */
  private async begin(read: () => Promise<string>): Promise<void> {
    this.next = NOWHERE;
    const host = new ServerHost(this.server);
    const surface = new Surface(host, this.server, this.watch, () => this.keep());
    try {
      const text = await read();
      this.close();
      this.room.replaceChildren(surface.node);
      this.surface = surface;
      this.place = this.next;
      host.drawn.connect((_, doc) => {
        this.bar.show(doc.name, this.isDirty);
      });
      this.savedText = this.place.id === null ? null : text;
      host.workflowId = this.place.id;
      await host.open(text);
      if (this.place.id !== null) {
        surface.liesAt(this.place.id);
      }
      surface.focus();
    } catch (error) {
      surface.dispose();
      this.close();
      if (!this.isAskingWho) {
        this.room.replaceChildren(this.home.node);
        await this.home.refresh();
        this.home.say(messageOf(error));
      }
    }
  }

  private async importFile(): Promise<void> {
    const file = this.picker.files?.[0];
    this.picker.value = '';
    if (file) {
      const text = await file.text();
      await this.begin(async () => {
        if (!file.name.endsWith('.py')) {
          return text;
        }
        const body = { code: text };
        const path = 'api/builder/import';
        const { workflow } = await this.server.ask<{ workflow: WireWorkflow }>('POST', path, body);
        return textOf(this.server, workflow);
      });
    }
  }

  /** Do something with the open workflow as it is when all edits so far are done. */
  private async tryTo(act: (workflow: WireWorkflow) => Promise<void>): Promise<void> {
    const { surface } = this;
    await surface?.host.settled();
    const workflow = surface?.host.doc?.document;
    if (!surface || !workflow) {
      return;
    }
    try {
      surface.banner.clear('failed');
      await act(contentOf(workflow));
    } catch (error) {
      surface.banner.say('failed', messageOf(error), { label: 'Close', act: () => undefined });
    }
  }

  private async save(): Promise<void> {
    if (this.isSaving) {
      return;
    }
    this.isSaving = true;
    await this.tryTo(async workflow => {
      const { surface } = this;
      const text = surface?.host.text ?? '';
      const outcome = await save(this.server, workflow, this.place);
      if (outcome === 'theirs') {
        await this.takeTheirs();
      } else if (outcome !== null && this.surface === surface) {
        this.place = outcome;
        this.savedText = text;
        history.replaceState(null, '', `#${outcome.id ?? ''}`);
        surface?.host.keptAs(outcome.id);
        if (outcome.id !== null && surface?.host.doc) {
          surface.liesAt(outcome.id);
          this.bar.show(surface.host.doc.name, this.isDirty);
        }
      }
    });
    this.isSaving = false;
  }

  /** Before a run: it is the saved workflow that runs. Where it lies, or null while it has changes that are not saved. */
  private async keep(): Promise<string | null> {
    await this.surface?.host.settled();
    if (this.isDirty) {
      await this.save();
    }
    return this.isDirty ? null : this.place.id;
  }

  /** Go on with what somebody else has saved; undo leads back to what was here. */
  private async takeTheirs(): Promise<void> {
    const id = this.place.id ?? '';
    const theirs = await stored(this.server, id);
    const text = await textOf(this.server, contentOf(theirs));
    this.place = { id, version: theirs.version };
    this.savedText = text;
    await this.surface?.host.replace(text, 'Take what is saved');
  }

  private panel: HTMLElement | null = null;

  private get isAskingWho(): boolean {
    return this.room.contains(this.panel);
  }

  /** The server does not know who asks. An open workflow stays where it is: only a line says so. */
  private askWho(): void {
    if (this.isAskingWho) {
      return; // several requests are refused together: what is typed meanwhile stays
    }
    this.panel = signIn(this.loginUrl, key => {
      this.session.key = key;
      this.panel?.remove();
      void (this.surface ? this.restore() : this.route());
    });
    if (this.surface) {
      this.room.prepend(this.panel);
    } else {
      this.room.replaceChildren(this.panel);
    }
  }

  private async restore(): Promise<void> {
    await this.surface?.host.settled();
    this.surface?.host.judge();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
