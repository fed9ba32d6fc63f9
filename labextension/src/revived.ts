/** A saved picture that has become a canvas again: what the server keeps, edited and run without a kernel. */
import { NOWHERE, type Place, save } from './documents/saving';
import { ServerHost } from './documents/serverhost';
import { Surface } from './documents/surface';
import { stored, textOf } from './documents/texts';
import { element } from './dom';
import { server, watch } from './page';
import { contentOf } from './server';

/** The canvas in the place of a picture. */
export class Revived {
  readonly node: HTMLElement;

  constructor(private readonly surface: Surface) {
    this.node = element('div', 'jp-bj-revived', {}, surface.node);
  }

  /** Give the graph the keyboard. */
  focus(): void {
    this.surface.focus();
  }

  /** Let go of everything. */
  dispose(): void {
    this.surface.dispose();
    this.node.remove();
  }
}

/** Its edits are kept when somebody saves, and before a run. */
class KeptHost extends ServerHost {
  async save(): Promise<void> {
    await this.settled();
    const { text } = this;
    if (!this.doc || text === this.savedText) {
      return;
    }
    const outcome = await save(server, contentOf(this.doc.document), this.place);
    if (outcome === 'theirs') {
      await this.take(this.place.id ?? '', 'Take what is saved');
    } else if (outcome === null) {
      throw new Error('Nothing was saved.');
    } else {
      this.place = outcome;
      this.savedText = text;
      this.keptAs(outcome.id);
    }
  }

  /** Save what differs from what lies on the server, and say where that is. */
  async keep(): Promise<string | null> {
    await this.save();
    return this.place.id;
  }

  /** Go on with what the server has. */
  async take(id: string, title: string): Promise<void> {
    const found = await stored(server, id);
    const text = await textOf(server, contentOf(found));
    this.place = { id, version: found.version };
    this.workflowId = id;
    await this.replace(text, title);
    this.savedText = text;
  }

  private place: Place = NOWHERE;
  private savedText = '';
}

/** Make a canvas of what the server keeps under an id. */
export async function revive(id: string): Promise<Revived> {
  const host = new KeptHost(server);
  const canvas = new Revived(new Surface(host, server, watch, () => host.keep()));
  try {
    await host.take(id, 'Open');
  } catch (error) {
    canvas.dispose();
    throw error;
  }
  return canvas;
}
