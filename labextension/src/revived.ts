/** A saved picture that has become a canvas again: what the server keeps, edited and run without a kernel. */
import { type Place, save } from './documents/saving';
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

/** Its edits are kept when somebody saves. */
class KeptHost extends ServerHost {
  place: Place = { id: null, version: 0 };

  async save(): Promise<void> {
    await this.settled();
    const workflow = this.doc?.document;
    const outcome = workflow ? await save(server, contentOf(workflow), this.place) : null;
    if (outcome === 'theirs') {
      await this.take(this.place.id ?? '', 'Take what is saved');
    } else if (outcome === null) {
      throw new Error('Nothing was saved.');
    } else {
      this.place = outcome;
      this.keptAs(outcome.id);
    }
  }

  /** Go on with what the server has. */
  async take(id: string, title: string): Promise<void> {
    const found = await stored(server, id);
    this.place = { id, version: found.version };
    this.workflowId = id;
    await this.replace(await textOf(server, contentOf(found)), title);
  }
}

/** Make a canvas of what the server keeps under an id. */
export async function revive(id: string): Promise<Revived> {
  const host = new KeptHost(server);
  const canvas = new Revived(new Surface(host, server, watch));
  try {
    await host.take(id, 'Open');
  } catch (error) {
    canvas.dispose();
    throw error;
  }
  return canvas;
}
