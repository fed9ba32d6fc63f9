/** A workflow that is drawn from a `ServerHost`: the frame with its runs, and the banner above it. */
import { Controller } from '../controller';
import { element } from '../dom';
import type { EditableDoc } from '../editor/host';
import { CanvasFrame } from '../frame';
import type { Server } from '../server';
import type { Watch } from '../watch';
import { Banner } from '../banner';
import type { ServerHost } from './serverhost';

/** An editor without a kernel in an element of its own. */
export class Surface {
  readonly banner = new Banner();
  readonly canvas = element('div', 'jp-bj-canvas');
  readonly node = element('div', 'jp-bj-document', {}, this.banner.node, this.canvas);
  frame: CanvasFrame | null = null;

  constructor(
    readonly host: ServerHost,
    private readonly server: Server,
    private readonly watch: Watch,
    /** Saves before a run; without it a run saves under the workflow's name. */
    private readonly keep?: () => Promise<string | null>
  ) {
    host.drawn.connect(this.draw);
    host.linked.connect(this.showLink);
  }

  /** Give the graph the keyboard. */
  focus(): void {
    this.node.querySelector<HTMLElement>('.jp-bj-stage')?.focus({ preventScroll: true });
  }

  /** Follow the runs of the workflow that is saved under this id. */
  liesAt(workflowId: string): void {
    this.frame?.controller.liesAt(workflowId);
  }

  /** Take the drawing away: another workflow follows, or none. */
  clear(): void {
    this.frame?.dispose();
    this.frame?.controller.dispose();
    this.frame = null;
  }

  /** Let go of everything. */
  dispose(): void {
    this.host.drawn.disconnect(this.draw);
    this.host.linked.disconnect(this.showLink);
    this.clear();
    this.host.dispose();
    this.node.remove();
  }

  private readonly draw = (_: ServerHost, doc: EditableDoc): void => {
    if (this.frame) {
      this.frame.controller.setDoc(doc);
      this.frame.setDoc(doc);
      return;
    }
    const controller: Controller = new Controller(
      this.server,
      this.watch,
      {
        ownsRuns: false,
        worker: '',
        send: () => {
          controller.fail('This Jupyter server does not run workflows.');
        },
        announce: () => undefined,
        saved: () => undefined,
        ...(this.keep ? { keep: this.keep } : {})
      },
      doc
    );
    this.frame = new CanvasFrame(this.canvas, controller, doc, {}, this.host);
  };

  private readonly showLink = (_: ServerHost, isUp: boolean): void => {
    this.banner.showLink(isUp);
  };
}
