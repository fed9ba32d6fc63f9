/** How a canvas stands with the kernel that made it. */
import type { Kernel } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';

import type { Banner } from './banner';

/** Whether the kernel hears, will hear once the connection is back, or holds nothing of the canvas any more. */
export type Reach = 'live' | 'waiting' | 'gone';

/** How long the connection may be away before it is said: most are back before anybody notices. */
const PATIENCE_MS = 2000;

/** What is looked at of a kernel; a front end that tells nothing of it leaves the comm to go by. */
export type Watched = Pick<
  Kernel.IKernelConnection,
  | 'status'
  | 'connectionStatus'
  | 'isDisposed'
  | 'disposed'
  | 'statusChanged'
  | 'connectionStatusChanged'
>;

/** Watches one kernel for one canvas. */
export class KernelWatch {
  readonly changed = new Signal<this, Reach>(this);

  constructor(
    private readonly kernel: Watched | null,
    private readonly hasComm: () => boolean
  ) {
    this.known = this.reach;
    kernel?.statusChanged.connect(this.look);
    kernel?.connectionStatusChanged.connect(this.look);
    kernel?.disposed.connect(this.look);
  }

  /** How it stands now. */
  get reach(): Reach {
    const { kernel } = this;
    const isGone =
      kernel !== null &&
      (kernel.isDisposed || kernel.status === 'dead' || kernel.connectionStatus === 'disconnected');
    if (isGone || !this.hasComm()) {
      return 'gone';
    }
    return kernel === null || kernel.connectionStatus === 'connected' ? 'live' : 'waiting';
  }

  /** Look again, and tell when it stands otherwise than before. */
  readonly look = (): void => {
    const { reach } = this;
    if (reach !== this.known) {
      this.known = reach;
      this.changed.emit(reach);
    }
  };

  /** Let go. */
  dispose(): void {
    this.kernel?.statusChanged.disconnect(this.look);
    this.kernel?.connectionStatusChanged.disconnect(this.look);
    this.kernel?.disposed.disconnect(this.look);
    Signal.clearData(this);
  }

  private known: Reach;
}

/** Say above a canvas how its kernel stands; call the answer to stop. */
export function sayReach(watch: KernelWatch, banner: Banner, ownsRuns: boolean): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const runs = ownsRuns ? 'Its runs ended with it' : 'Runs go on, and can be begun';
  const gone = `The kernel no longer holds this canvas. ${runs}; run the cell again to edit.`;
  const show = (): void => {
    clearTimeout(timer);
    if (watch.reach === 'live') {
      banner.clear('kernel');
    } else if (watch.reach === 'gone') {
      banner.say('kernel', gone);
    } else {
      timer = setTimeout(() => {
        banner.say(
          'kernel',
          'The kernel cannot be reached. What is edited now is done once it can.'
        );
      }, PATIENCE_MS);
    }
  };
  watch.changed.connect(show);
  show();
  return () => {
    clearTimeout(timer);
    watch.changed.disconnect(show);
  };
}
