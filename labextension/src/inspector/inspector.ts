/** The forms beside a graph, put together: of a node, an edge, the workflow; and what validation says. */
import type { Controller } from '../controller';
import { element, setText } from '../dom';
import type { EditHost, Finding, Fix } from '../editor/host';
import type { Doc } from '../types';
import type { Word } from './controls';
import { EdgeForm, routesFrom } from './edgeform';
import { FindingsPanel } from './findings';
import { worst } from './judged';
import { NodeForm } from './nodeform';
import { VersionsPanel } from './versions';
import { WorkflowForm } from './workflowform';

/** How long after a document validation is asked, in milliseconds. */
const JUDGE_MS = 500;

/** What the inspector asks of the canvas. */
export interface InspectorActions {
  select: (nodeId: string | null) => void;
  selectEdge: (source: string, target: string) => void;
  /** Show on the graph how bad it is about which node. */
  mark: (marks: Map<string, Finding['severity']>) => void;
}

/** The inspector of one view. */
export class Inspector {
  readonly findings: FindingsPanel;
  readonly node: NodeForm;
  readonly edge: EdgeForm;
  readonly workflow: WorkflowForm;
  readonly versions: VersionsPanel | null;
  /** What was wrong with a fix. */
  readonly refused = element('div', 'jp-bj-problem', { role: 'alert' });

  constructor(
    private readonly edits: EditHost,
    private readonly controller: Controller,
    private readonly actions: InspectorActions
  ) {
    const mend = (fix: Fix): void => {
      this.mend(fix);
    };
    this.findings = new FindingsPanel(edits, { ...actions, mend });
    this.node = new NodeForm(edits, {
      mend,
      words: (kind, doc, nodeId) => this.words(kind, doc, nodeId)
    });
    this.edge = new EdgeForm(edits);
    this.workflow = new WorkflowForm(edits);
    this.versions = controller.isKernels ? null : new VersionsPanel(edits, controller.versions);
    this.refused.hidden = true;
    edits.changed.connect(this.onChange);
    // After the first paint: what is drawn comes first.
    this.first = requestAnimationFrame(() => {
      this.onChange();
      this.judgeSoon();
    });
  }

  /** There is another document. */
  setDoc(doc: Doc): void {
    this.workflow.update(doc);
    this.complain('');
    if (this.hasBegun) {
      this.judgeSoon();
    }
  }

  /** The node that is to be shown from now on, where the one that is shown has been renamed. */
  follow(doc: Doc, selected: string | null): string | null {
    const { renamed } = this.node;
    if (!renamed || !doc.nodes.some(node => node.id === renamed.to)) {
      return selected;
    }
    this.node.renamed = null;
    return renamed.to;
  }

  /** Let go of everything. */
  dispose(): void {
    cancelAnimationFrame(this.first);
    clearTimeout(this.judging);
    this.edits.changed.disconnect(this.onChange);
    this.versions?.dispose();
  }

  private readonly first: number;
  private hasBegun = false;
  private judging: ReturnType<typeof setTimeout> | undefined;

  private judgeSoon(): void {
    this.hasBegun = true;
    clearTimeout(this.judging);
    this.judging = setTimeout(() => {
      this.edits.judge();
    }, JUDGE_MS);
  }

  private readonly onChange = (): void => {
    this.findings.update();
    this.node.judge();
    this.actions.mark(worst(this.edits.findings));
  };

  private mend(fix: Fix): void {
    this.complain('');
    this.edits.edit(fix.title, fix.changes).catch((error: unknown) => {
      this.complain(error instanceof Error ? error.message : String(error));
    });
  }

  private complain(message: string): void {
    setText(this.refused, message);
    this.refused.hidden = !message;
  }

  private async words(kind: string, doc: Doc, nodeId: string): Promise<Word[]> {
    if (kind !== 'labels') {
      return this.controller.words(kind);
    }
    const labels = doc.edges.filter(edge => edge.source === nodeId).map(edge => edge.label);
    const known = [...new Set([...labels, ...routesFrom(doc, nodeId)])].filter(Boolean);
    return known.map(value => ({ value, about: 'way out' }));
  }
}
