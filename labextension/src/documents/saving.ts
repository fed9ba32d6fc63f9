/** A workflow of the server's as it is saved from the page: under which id, over which version, and what if that fails. */
import { type Server, ServerError } from '../server';
import type { WireWorkflow } from '../types';
import { choose } from './dialogs';
import type { StoredWorkflow } from './texts';

/** Where a workflow is kept; nowhere yet while there is no id. */
export interface Place {
  id: string | null;
  version: number;
}

/** What came of saving: the place, `theirs` when what somebody else has saved is wanted, or null for nothing. */
export type Outcome = Place | 'theirs' | null;

/** Save a workflow. Somebody else's newer version is never written over without being asked. */
export async function save(server: Server, workflow: WireWorkflow, at: Place): Promise<Outcome> {
  return attempt(server, workflow, at, false);
}

async function attempt(
  server: Server,
  workflow: WireWorkflow,
  at: Place,
  draft: boolean
): Promise<Outcome> {
  try {
    return await send(server, workflow, at, draft);
  } catch (error) {
    if (!(error instanceof ServerError)) {
      throw error;
    }
    if (error.status === 409 && at.id !== null) {
      return settle(server, workflow, at, draft);
    }
    if (error.status === 422 && !draft) {
      const answer = await choose('This workflow would not run yet', error.message, [
        ['draft', 'Save as a draft'],
        ['back', 'Back to editing']
      ]);
      return answer === 'draft' ? attempt(server, workflow, at, true) : null;
    }
    throw error;
  }
}

async function send(
  server: Server,
  workflow: WireWorkflow,
  at: Place,
  draft: boolean
): Promise<Place> {
  const body = draft ? { ...workflow, draft } : workflow;
  if (at.id === null) {
    const made = await server.ask<StoredWorkflow>('POST', 'api/builder/workflows', body);
    return { id: made.id, version: made.version };
  }
  const path = `api/builder/workflows/${encodeURIComponent(at.id)}`;
  const match = { 'If-Match': `"${String(at.version)}"` };
  const saved = await server.ask<StoredWorkflow>('PUT', path, body, {}, match);
  return { id: saved.id, version: saved.version };
}

/** Somebody has saved meanwhile. */
async function settle(
  server: Server,
  workflow: WireWorkflow,
  at: Place,
  draft: boolean
): Promise<Outcome> {
  const path = `api/builder/workflows/${encodeURIComponent(at.id ?? '')}`;
  const theirs = await server.ask<StoredWorkflow>('GET', path);
  const answer = await choose(
    'Somebody else has saved this workflow',
    `You began with version ${String(at.version)}; version ${String(theirs.version)} is there now.`,
    [
      ['copy', 'Save mine as a copy'],
      ['theirs', 'Show theirs'],
      ['mine', 'Save mine over it'],
      ['back', 'Back to editing']
    ]
  );
  switch (answer) {
    case 'copy':
      return attempt(server, { ...workflow, name: `${workflow.name} (copy)` }, NOWHERE, draft);
    case 'mine':
      return attempt(server, workflow, { id: at.id, version: theirs.version }, draft);
    case 'theirs':
      return 'theirs';
    default:
      return null;
  }
}

export const NOWHERE: Place = { id: null, version: 0 };
