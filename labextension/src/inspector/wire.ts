/** Where things stand in the workflow's own file, whose ids have other names in other kinds of workflows. */
import type { Doc, WireNode } from '../types';

/** A node as the file has it. */
export function wireNode(doc: Doc, nodeId: string): WireNode | undefined {
  return doc.document.nodes.find(one => (one.clientId ?? one.id) === nodeId);
}
