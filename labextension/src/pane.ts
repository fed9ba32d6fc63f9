/** The side of the canvas: the run as a whole while nothing is selected, else everything about one node. */
import type { Controller } from './controller';
import { button, drawing, element, setText } from './dom';
import type { EditHost } from './editor/host';
import { InputForm } from './form';
import { NodeDetails } from './details';
import * as icons from './icons';
import { StepList } from './steps';
import { plain } from './text';
import type { Doc } from './types';

/** What the pane asks of the canvas. */
export interface PaneActions {
  run: () => void;
  select: (nodeId: string | null) => void;
}

/** The pane of one view. */
export class Pane {
  readonly node = element('aside', 'jp-bj-pane', { 'aria-label': 'Details' });
  readonly form: InputForm;

  constructor(
    private readonly controller: Controller,
    private doc: Doc,
    actions: PaneActions,
    readonly edits: EditHost | null = null
  ) {
    this.form = new InputForm(actions.run);
    this.steps = new StepList(actions.select);
    this.details = new NodeDetails();
    const back = button(
      'jp-bj-back',
      'All steps (Escape)',
      () => {
        actions.select(null);
      },
      drawing(icons.BACK),
      'All steps'
    );
    this.overview.append(
      element('div', 'jp-bj-column', {}, this.problem, this.inputsTitle, this.form.node),
      element('div', 'jp-bj-column', {}, this.fault, this.resultTitle, this.result),
      element('div', 'jp-bj-column', {}, this.stepsTitle, this.steps.node)
    );
    this.single.append(back, this.details.node);
    this.node.append(this.overview, this.single);
    this.setDoc(doc);
  }

  /** Whether the inputs can be seen. */
  get showsForm(): boolean {
    return !this.overview.hidden && this.node.offsetParent !== null;
  }

  /** Show another graph. */
  setDoc(doc: Doc): void {
    this.doc = doc;
    this.form.setTriggers(doc.triggers);
    this.inputsTitle.hidden = !doc.triggers.length;
    this.steps.setDoc(doc);
    this.show(
      this.selected !== null && doc.nodes.some(node => node.id === this.selected)
        ? this.selected
        : null
    );
  }

  /** Show one node, or the run as a whole. */
  show(nodeId: string | null): void {
    this.selected = nodeId;
    this.overview.hidden = nodeId !== null;
    this.single.hidden = nodeId === null;
    this.update();
  }

  /** Show the state of the run. */
  update(): void {
    const { run, problem } = this.controller;
    setText(this.problem, problem ?? '');
    this.problem.hidden = !problem;
    if (this.selected !== null) {
      this.details.update(this.doc, run, this.selected);
      return;
    }
    const fault = run?.error ? run.error.message : '';
    setText(this.fault, fault);
    this.fault.hidden = !fault;
    const output = run?.isOver && run.output !== null ? plain(run.output) : '';
    setText(this.result, output);
    this.result.hidden = this.resultTitle.hidden = !output;
    this.steps.update(run);
    this.stepsTitle.hidden = this.steps.isEmpty;
  }

  private selected: string | null = null;
  private readonly steps: StepList;
  private readonly details: NodeDetails;
  private readonly overview = element('div', 'jp-bj-overview');
  private readonly single = element('div', 'jp-bj-single');
  private readonly problem = element('div', 'jp-bj-problem', { role: 'alert' });
  private readonly fault = element('div', 'jp-bj-problem');
  private readonly inputsTitle = this.heading('Inputs');
  private readonly resultTitle = this.heading('Output');
  private readonly result = element('div', 'jp-bj-text jp-bj-result');
  private readonly stepsTitle = this.heading('Steps');

  private heading(text: string): HTMLElement {
    return element('h3', 'jp-bj-heading', {}, text);
  }
}
