/** Workflows that become files: new ones, templates, and those that the server keeps. */
import { contentOf, type Server } from '../server';
import type { WireWorkflow, WorkflowSummary } from '../types';

export const ENDING = '.workflow.json';

/** A template in the server's list. */
export interface TemplateSummary {
  id: string;
  name: string;
  description: string;
  difficulty: string;
  node_count: number;
  tags: string[];
}

/** A workflow as the server keeps it. */
export interface StoredWorkflow extends WireWorkflow {
  id: string;
  version: number;
}

/** The text of a new workflow: one node to start from. */
export async function newText(server: Server, name: string): Promise<string> {
  const start = { id: 'start', type: 'start', data: {}, position: { x: 0, y: 0 } };
  return textOf(server, { name, nodes: [start], edges: [] });
}

/** The text of a workflow as Python writes it into a file. */
export async function textOf(server: Server, workflow: WireWorkflow): Promise<string> {
  const answer = await server.ask<{ text: string }>('POST', 'api/builder/edits', {
    workflow,
    changes: []
  });
  return answer.text;
}

/** The templates, easiest first. */
export async function templates(server: Server): Promise<TemplateSummary[]> {
  const path = 'api/builder/templates';
  return (await server.ask<{ templates: TemplateSummary[] }>('GET', path)).templates;
}

/** The workflow of a template. */
export async function template(server: Server, id: string): Promise<WireWorkflow> {
  const found = await server.ask<WireWorkflow>(
    'GET',
    `api/builder/templates/${encodeURIComponent(id)}`
  );
  return contentOf(found);
}

/** A workflow that the server keeps. */
export async function stored(server: Server, id: string): Promise<StoredWorkflow> {
  return server.ask('GET', `api/builder/workflows/${encodeURIComponent(id)}`);
}

/** A line of a list of saved workflows. */
export function lineOf(one: WorkflowSummary): string {
  return `${one.name} (${one.id}, version ${String(one.version)})`;
}
