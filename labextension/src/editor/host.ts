/**
 * What an editor asks of whoever holds the workflow: the kernel for a canvas in a cell, the server for a document that
 * has no kernel. Edits are data (`builder_jupyter/graph/edits.py`); what comes of them is drawn when the next document
 * arrives.
 */
import type { ISignal } from '@lumino/signaling';

import type { Doc } from '../types';

/** One edit: `op` and its fields. */
export interface Change {
  op: string;
  [field: string]: unknown;
}

/** A way to put a finding right. */
export interface Fix {
  title: string;
  changes: Change[];
}

/** One thing that validation says. */
export interface Finding {
  type: string;
  message: string;
  severity: 'error' | 'warning';
  node_id?: string;
  edge_id?: string;
  node_ids?: string[];
  source?: string;
  target?: string;
  fixes?: Fix[];
}

/** All that validation says. */
export interface Findings {
  valid: boolean;
  errors: Finding[];
  warnings: Finding[];
}

/** A socket of a node type. */
export interface Port {
  name: string;
  type: string;
  required: boolean;
  multiple: boolean;
  /** Of an output: the types of the inputs that it may enter. */
  feeds?: string[];
}

/** A node type as a palette and a form see it. */
export interface NodeKind {
  type: string;
  title: string;
  description: string;
  icon: string;
  color: string;
  credits: number;
  is_trigger: boolean;
  inputs: Port[];
  outputs: Port[];
  schema: Record<string, unknown>;
}

/** Who holds the workflow that is edited. Each method rejects with an `Error` whose message can be shown. */
export interface EditHost {
  /** Whether edits are taken at all. */
  readonly editable: boolean;
  /** The node types that can be added, in palette order. */
  readonly catalogue: NodeKind[];
  /** What validation said last; null before it was asked. */
  readonly findings: Findings | null;
  /** Emitted when `catalogue`, `findings` or `editable` have changed. */
  readonly changed: ISignal<EditHost, void>;
  /** Make changes as one step; `title` is what undo is called, e.g. "Move 3 nodes". */
  edit(title: string, changes: Change[]): Promise<void>;
  undo(): Promise<void>;
  redo(): Promise<void>;
  /** Place all nodes anew: `layered`, `hierarchical`, `force` or `grid`. */
  arrange(layout: string): Promise<void>;
  /** Save the workflow where it is kept; left out where that is nothing of its own. */
  save?(): Promise<void>;
  /** Ask validation; `findings` follow. */
  judge(): void;
}

/** The document with what an editor needs besides. */
export interface EditableDoc extends Doc {
  undoes?: string | null;
  redoes?: string | null;
}
