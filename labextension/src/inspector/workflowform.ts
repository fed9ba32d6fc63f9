/** The properties of the workflow as a whole: name, description, tags. */
import { element } from '../dom';
import type { EditHost } from '../editor/host';
import type { Doc } from '../types';
import { ChipsControl } from './chips';
import { type Control, TextControl } from './control';
import { FieldRow } from './row';

/** A form that follows the document. */
export class WorkflowForm {
  readonly node = element('form', 'jp-bj-nodeform', { 'aria-label': 'Workflow' });

  constructor(private readonly edits: EditHost) {
    this.node.addEventListener('submit', event => {
      event.preventDefault();
    });
    this.name = this.row('name', 'Name', new TextControl(1), value => {
      if (value === undefined) {
        throw new Error('A workflow needs a name.');
      }
      return value;
    });
    this.description = this.row(
      'description',
      'Description',
      new TextControl(3),
      value => value ?? ''
    );
    this.tags = this.row('metadata', 'Tags', new ChipsControl('tag'), value => ({
      ...this.metadata,
      tags: value ?? []
    }));
    this.fieldset.append(this.name.node, this.description.node, this.tags.node);
    this.node.append(this.fieldset);
  }

  /** Show the properties of a document. */
  update(doc: Doc): void {
    this.metadata = doc.document.metadata ?? {};
    this.fieldset.disabled = !this.edits.editable;
    this.name.show(doc.document.name);
    this.description.show(doc.document.description);
    this.tags.show(this.metadata.tags);
  }

  private metadata: Record<string, unknown> = {};
  private readonly name: FieldRow;
  private readonly description: FieldRow;
  private readonly tags: FieldRow;
  private readonly fieldset = element('fieldset', 'jp-bj-fields');

  private row(
    field: string,
    label: string,
    control: Control,
    valueOf: (value: unknown) => unknown
  ): FieldRow {
    const take = async (value: unknown): Promise<void> => {
      const change = { op: 'set_workflow', field, value: valueOf(value) };
      await this.edits.edit(`Change ${label.toLowerCase()} of the workflow`, [change]);
    };
    return new FieldRow({ name: field, label, help: '' }, control, take, () => undefined);
  }
}
