/** The form of an edge: its label, chosen among the ways out of the node it leaves. */
import { button, element, setText } from '../dom';
import type { EditHost } from '../editor/host';
import type { Doc } from '../types';
import { type Control, TextControl } from './control';
import { FieldRow } from './row';

/** An edge as the workflow's file has it, with its place there. */
export interface WireEdge {
  index: number;
  edge: Record<string, unknown>;
}

/** The edges of the file that are drawn as one between two nodes. */
export function edgesBetween(doc: Doc, source: string, target: string): WireEdge[] {
  return doc.document.edges
    .map((edge, index) => ({ index, edge }))
    .filter(
      ({ edge }) => (edge.source ?? edge.from) === source && (edge.target ?? edge.to) === target
    );
}

/** The labels that an edge from a node can have and mean something. */
export function routesFrom(doc: Doc, source: string): string[] {
  const drawn = doc.nodes.find(node => node.id === source);
  return (drawn?.routes ?? []).filter(Boolean);
}

/** The form of all edges between two nodes. */
export class EdgeForm {
  readonly node = element('div', 'jp-bj-nodeform');

  constructor(private readonly edits: EditHost) {
    this.node.append(this.title, this.fieldset);
  }

  /** Show the edges between two nodes of a document. */
  update(doc: Doc, source: string, target: string): void {
    const edges = edgesBetween(doc, source, target);
    const routes = routesFrom(doc, source);
    const labels = new Map(doc.nodes.map(node => [node.id, node.label]));
    setText(this.title, `${labels.get(source) ?? source} → ${labels.get(target) ?? target}`);
    const key = JSON.stringify([source, target, edges.length, routes]);
    if (key !== this.shape) {
      this.shape = key;
      for (const row of this.rows) {
        row.save();
      }
      this.edges = edges;
      this.rows = edges.map((_, i) => this.row(i, routes));
      this.fieldset.replaceChildren(
        ...this.rows.map((row, i) => element('div', 'jp-bj-edge', {}, row.node, this.off(i)))
      );
    }
    this.edges = edges;
    this.fieldset.disabled = !this.edits.editable;
    this.rows.forEach((row, i) => {
      const edge = edges[i]?.edge ?? {};
      row.show(edge.label ?? edge.condition);
    });
  }

  private edges: WireEdge[] = [];
  private rows: FieldRow[] = [];
  private shape = '';
  private readonly title = element('div', 'jp-bj-name');
  private readonly fieldset = element('fieldset', 'jp-bj-fields');

  private row(at: number, routes: string[]): FieldRow {
    const text = {
      name: 'label',
      label: 'Label',
      help: routes.length
        ? `Ways out: ${routes.join(', ')}. Without a label it is the default.`
        : ''
    };
    return new FieldRow(
      text,
      withRoutes(new TextControl(1), routes),
      value => this.relabel(at, value),
      () => undefined
    );
  }

  private off(at: number): HTMLElement {
    return button(
      'jp-bj-more',
      'Remove this edge',
      () => {
        const index = this.edges[at]?.index;
        if (index !== undefined) {
          this.edits.edit('Remove edge', [{ op: 'remove_edge', index }]).catch((error: unknown) => {
            setText(this.title, error instanceof Error ? error.message : String(error));
          });
        }
      },
      'Remove edge'
    );
  }

  private relabel(at: number, value: unknown): Promise<void> {
    const found = this.edges[at];
    if (!found) {
      return Promise.reject(new Error('This edge is gone.'));
    }
    const edge: Record<string, unknown> = { ...found.edge };
    delete edge.label;
    delete edge.condition; // an older name of the same
    const label = typeof value === 'string' ? value : '';
    return this.edits.edit(label ? `Label edge ${label}` : 'Remove label', [
      { op: 'replace_edge', index: found.index, edge: label ? { ...edge, label } : edge }
    ]);
  }
}

let count = 0;

function withRoutes(control: TextControl, routes: string[]): Control {
  if (routes.length) {
    const id = `jp-bj-routes-${++count}`;
    const list = element(
      'datalist',
      '',
      { id },
      ...routes.map(value => element('option', '', { value }))
    );
    control.target.setAttribute('list', id);
    queueMicrotask(() => {
      control.target.after(list);
    });
  }
  return control;
}
