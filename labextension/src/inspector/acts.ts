/** What can be run from a node: up to it, from it on, or again from it on. */
import type { Controller } from '../controller';
import { button, drawing, element } from '../dom';
import { AGAIN, PLAY } from '../icons';
import type { Run } from '../run';
import { type Doc, isDone } from '../types';

/** The buttons of one node. */
export class Acts {
  readonly node = element('div', 'jp-bj-acts');

  /** `inputs` are those of a run that is begun here; it throws what is wrong with them. */
  constructor(
    private readonly controller: Controller,
    private readonly inputs: () => Record<string, unknown>
  ) {
    this.here = button(
      'jp-bj-act jp-bj-runhere',
      'Run',
      () => {
        this.begin();
      },
      drawing(PLAY),
      this.hereWords
    );
    this.again = button(
      'jp-bj-act jp-bj-replay',
      'Run this step and what follows again, with what came before as it was',
      () => {
        void this.controller.replay(this.nodeId);
      },
      drawing(AGAIN),
      'Replay from here'
    );
    this.node.append(this.here, this.again);
  }

  /** Offer what makes sense for a node now. */
  update(doc: Doc, run: Run | null, nodeId: string): void {
    this.nodeId = nodeId;
    this.isTrigger = doc.triggers.some(one => one.node === nodeId);
    const words = this.isTrigger ? 'Run from here' : 'Run to here';
    if (this.hereWords.textContent !== words) {
      this.hereWords.textContent = words;
      const title = this.isTrigger
        ? 'Run what this leads to'
        : 'Run this step and all that it needs';
      this.here.title = title;
      this.here.setAttribute('aria-label', `${words}: ${title.toLowerCase()}`);
    }
    const isBusy = this.controller.isStarting || (run !== null && run.id !== '' && !run.isOver);
    this.here.disabled = isBusy;
    const step = run?.steps.get(nodeId);
    this.again.hidden = !(run?.id && run.isOver && step && isDone(step.status));
    this.again.disabled = this.controller.isStarting;
  }

  private nodeId = '';
  private isTrigger = false;
  private readonly hereWords = element('span');
  private readonly here: HTMLButtonElement;
  private readonly again: HTMLButtonElement;

  private begin(): void {
    const { controller, nodeId } = this;
    try {
      const inputs = this.inputs();
      void (this.isTrigger ? controller.start(nodeId, inputs) : controller.runTo(nodeId, inputs));
    } catch (error) {
      controller.fail(error instanceof Error ? error.message : String(error));
    }
  }
}
