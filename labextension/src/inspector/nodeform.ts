/** The form of one node: its id, and a field for each thing in its data. */
import { element } from '../dom';
import type { Change, EditHost, Finding, Fix } from '../editor/host';
import type { Doc } from '../types';
import { type Control, TextControl } from './control';
import { controlFor, type Word } from './controls';
import { fieldsOf, type FormField } from './fields';
import { byField } from './judged';
import { issue } from './issue';
import { offersAt } from './names';
import { FieldRow } from './row';
import { wireNode } from './wire';

/** What the form asks of others. */
export interface FormActions {
  /** Words to suggest; see `controls.ts`. */
  words: (kind: string, doc: Doc, nodeId: string) => Promise<Word[]>;
  mend: (fix: Fix) => void;
}

/** A form that follows the document. What is being typed stays, whatever comes. */
export class NodeForm {
  readonly node = element('form', 'jp-bj-nodeform', { 'aria-label': 'Properties' });
  /** The id that a node has asked to be called from now on. */
  renamed: { from: string; to: string } | null = null;

  constructor(
    private readonly edits: EditHost,
    private readonly actions: FormActions
  ) {
    this.node.addEventListener('submit', event => {
      event.preventDefault();
    });
    this.node.append(this.general, this.fieldset);
  }

  /** Show a node of a document. */
  update(doc: Doc, nodeId: string): void {
    this.doc = doc;
    const wire = wireNode(doc, nodeId);
    const type = doc.nodes.find(node => node.id === nodeId)?.type ?? '';
    const kind = this.edits.catalogue.find(one => one.type === type);
    const data = wire?.data ?? {};
    const fields = fieldsOf(kind?.schema ?? NAMED, data);
    const key = JSON.stringify([nodeId, fields.map(({ name, kind: form }) => [name, form])]);
    if (key !== this.shape) {
      this.build(nodeId, fields);
      this.shape = key;
    }
    this.fieldset.disabled = !this.edits.editable;
    for (const [name, row] of this.rows) {
      row.show(name === ID ? nodeId : data[name]);
    }
    this.judge();
  }

  /** Show what validation says. */
  judge(): void {
    const found = byField(this.edits.findings, this.nodeId, [...this.rows.keys()]);
    for (const [name, row] of this.rows) {
      row.judge(found.get(name) ?? []);
    }
    this.showGeneral(found.get('') ?? []);
  }

  /** Take what has been typed: the form goes away. */
  flush(): void {
    for (const row of this.rows.values()) {
      row.save();
    }
  }

  private doc: Doc | null = null;
  private nodeId = '';
  private shape = '';
  private said = '';
  private rows = new Map<string, FieldRow>();
  private readonly general = element('div', 'jp-bj-issues');
  private readonly fieldset = element('fieldset', 'jp-bj-fields');

  private build(nodeId: string, fields: FormField[]): void {
    this.flush();
    const isSame = this.nodeId === nodeId || this.renamed?.to === nodeId;
    const focused = isSame ? this.focusedField() : null;
    this.nodeId = nodeId;
    const sources = {
      offers: () => (this.doc ? offersAt(this.doc, nodeId) : []),
      words: (kind: string) =>
        this.doc ? this.actions.words(kind, this.doc, nodeId) : Promise.resolve([])
    };
    this.rows = new Map(
      fields.map(field => {
        const { name, label } = field;
        const take = (value: unknown): Promise<void> => this.set(name, label, value);
        return [name, this.row(field, controlFor(field, sources), take)];
      })
    );
    const id = { name: ID, label: 'Id', help: 'What edges and expressions call it.' };
    this.rows.set(
      ID,
      this.row(id, new TextControl(1), value => this.rename(value))
    );
    this.fieldset.replaceChildren(...[...this.rows.values()].map(row => row.node));
    if (focused) {
      this.rows.get(focused)?.control.target.focus({ preventScroll: true });
    }
  }

  private row(
    text: { name: string; label: string; help: string },
    control: Control,
    take: (value: unknown) => Promise<void>
  ): FieldRow {
    return new FieldRow(text, control, take, this.actions.mend);
  }

  private focusedField(): string | null {
    const row = document.activeElement?.closest<HTMLElement>('.jp-bj-field');
    return row && this.node.contains(row) ? (row.dataset.field ?? null) : null;
  }

  private set(field: string, label: string, value: unknown): Promise<void> {
    const change: Change = { op: 'set_data', node_id: this.nodeId, field };
    if (value !== undefined) {
      change.value = value;
    }
    return this.edits.edit(`Change ${label.toLowerCase()} of ${this.label}`, [change]);
  }

  private async rename(value: unknown): Promise<void> {
    const to = typeof value === 'string' ? value.trim() : '';
    if (!to) {
      throw new Error('A node needs an id.');
    }
    const from = this.nodeId;
    this.renamed = { from, to };
    try {
      await this.edits.edit(`Rename ${from} to ${to}`, [{ op: 'rename_node', node_id: from, to }]);
    } catch (error) {
      this.renamed = null;
      throw error;
    }
  }

  private get label(): string {
    return this.doc?.nodes.find(node => node.id === this.nodeId)?.label ?? this.nodeId;
  }

  private showGeneral(findings: Finding[]): void {
    const said = JSON.stringify(findings);
    if (said !== this.said) {
      this.said = said;
      this.general.replaceChildren(...findings.map(one => issue(one, this.actions.mend)));
    }
    this.general.hidden = !findings.length;
  }
}

/** The name of the row for the node's own id; no field of data is called that without being shown as one too. */
const ID = ' id';

const NAMED = { properties: { name: { type: 'string', title: 'Name' } } };
