/** The side of the canvas: the run as a whole while nothing is selected, else everything about one node. */
import type { Controller } from './controller';
import { button, drawing, element, OWN_KEYS, setText } from './dom';
import type { EditHost } from './editor/host';
import { InputForm } from './form';
import { NodeDetails } from './details';
import * as icons from './icons';
import { Inspector, type InspectorActions } from './inspector/inspector';
import { StepList } from './steps';
import { plain } from './text';
import type { Doc } from './types';

/** What the pane asks of the canvas. */
export interface PaneActions extends InspectorActions {
  run: () => void;
  /** Select nodes and give the graph the keyboard. */
  selectNodes: (ids: string[]) => void;
}

/** The pane of one view. */
export class Pane {
  readonly node = element('aside', 'jp-bj-pane', { 'aria-label': 'Details' });
  readonly form: InputForm;

  constructor(
    private readonly controller: Controller,
    private doc: Doc,
    private readonly actions: PaneActions,
    readonly edits: EditHost | null = null
  ) {
    this.form = new InputForm(actions.run, trigger => {
      controller.forecast.about(trigger);
    });
    this.steps = new StepList(actions.select, actions.selectNodes);
    this.inspector = edits && new Inspector(edits, controller, actions);
    this.details = new NodeDetails(
      controller,
      () => this.form.values(),
      this.inspector?.node.node ?? null
    );
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
      element('div', 'jp-bj-column', {}, this.inputsTitle, this.form.node, this.properties()),
      element('div', 'jp-bj-column', {}, this.fault, this.resultTitle, this.result),
      element('div', 'jp-bj-column', {}, this.stepsTitle, this.steps.node)
    );
    this.single.append(back, this.details.node, this.joint);
    this.node.append(
      ...(this.inspector ? [this.inspector.findings.node, this.inspector.refused] : []),
      this.problem,
      this.overview,
      this.single
    );
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
    this.controller.forecast.about(this.form.trigger);
    this.inputsTitle.hidden = !doc.triggers.length;
    this.steps.setDoc(doc);
    this.inspector?.setDoc(doc);
    const edge = this.between;
    if (edge && doc.edges.some(one => one.source === edge[0] && one.target === edge[1])) {
      this.showEdge(...edge);
      return;
    }
    const wanted = this.inspector?.follow(doc, this.selected) ?? this.selected;
    const isThere = wanted !== null && doc.nodes.some(node => node.id === wanted);
    const hasMoved = isThere && wanted !== this.selected;
    this.show(isThere ? wanted : null);
    if (hasMoved) {
      this.actions.select(wanted);
    }
  }

  /** Show one node, or the run as a whole. */
  show(nodeId: string | null): void {
    if (nodeId !== this.selected) {
      this.inspector?.node.flush();
    }
    this.selected = nodeId;
    this.between = null;
    this.arrange();
    if (nodeId !== null) {
      this.inspector?.node.update(this.doc, nodeId);
    }
    this.update();
  }

  /** Show what leads from one node to another. */
  showEdge(source: string, target: string): void {
    if (!this.inspector) {
      return;
    }
    this.inspector.node.flush();
    this.selected = null;
    this.between = [source, target];
    this.arrange();
    this.inspector.edge.update(this.doc, source, target);
    this.update();
  }

  /** Let go of everything. */
  dispose(): void {
    this.inspector?.dispose();
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
  private between: [string, string] | null = null;
  private readonly inspector: Inspector | null;
  private readonly joint = element('div', 'jp-bj-joint');
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

  private arrange(): void {
    const isEdge = this.between !== null;
    const isNode = this.selected !== null;
    this.overview.hidden = isNode || isEdge;
    this.single.hidden = !isNode && !isEdge;
    this.details.node.hidden = isEdge;
    this.joint.hidden = !isEdge;
  }

  /** The properties of the workflow, closed until somebody wants them. */
  private properties(): HTMLElement | null {
    if (!this.inspector) {
      return null;
    }
    this.joint.append(this.inspector.edge.node);
    const { versions } = this.inspector;
    const details = element(
      'details',
      'jp-bj-properties',
      {},
      element('summary', 'jp-bj-heading', OWN_KEYS, 'Workflow'),
      this.inspector.workflow.node,
      versions?.node ?? null
    );
    details.addEventListener('toggle', () => {
      versions?.show(details.open);
    });
    return details;
  }

  private heading(text: string): HTMLElement {
    return element('h3', 'jp-bj-heading', {}, text);
  }
}
