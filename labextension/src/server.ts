/** The server's routes that the canvas, the side bars and the editors use. */
import type { Connection } from './connection';
import type { Estimate } from './estimate';
import type {
  ExecutionSummary,
  OpenWaitpoint,
  Picture,
  RunEvent,
  WireWorkflow,
  WorkflowSummary
} from './types';

const START = 'api/execute/start';

/** How many workflows the server lists at once, at most. */
export const PAGE = 100;

/** Where a run begins: at a trigger, or with all that one node needs. */
export type Entry =
  { trigger: string; target?: undefined } | { target: string; trigger?: undefined };

/** An answer that is an error: its message is for people. */
export class ServerError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code: string | null,
    readonly details: unknown = null
  ) {
    super(message);
  }
}

/** Calls of the workflow server. */
export class Server {
  constructor(private readonly connection: Connection) {}

  /** Whether this Jupyter server runs workflows. Asked once. */
  get isThere(): Promise<boolean> {
    this.probe ??= this.ask<{ status: string }>('GET', 'api/builder/health').then(
      () => true,
      () => false
    );
    return this.probe;
  }

  /** Saved workflows, newest change first. */
  async workflows(name?: string): Promise<WorkflowSummary[]> {
    return this.ask('GET', 'api/builder/workflows', undefined, {
      limit: '100',
      ...(name === undefined ? {} : { name })
    });
  }

  /** One page of the saved workflows, newest change first; `isPublished`: only those of which a version is published. */
  async workflowPage(offset: number, isPublished = false): Promise<WorkflowSummary[]> {
    const about = { limit: String(PAGE), offset: String(offset) };
    const more: Record<string, string> = isPublished ? { published: 'true' } : {};
    return this.ask('GET', 'api/builder/workflows', undefined, { ...about, ...more });
  }

  /** A saved workflow, whole. */
  async workflow(id: string): Promise<WireWorkflow> {
    return this.ask('GET', `api/builder/workflows/${encodeURIComponent(id)}`);
  }

  /** Save a new workflow and return its id. */
  async create(workflow: WireWorkflow): Promise<string> {
    const draft = workflow.metadata?.draft === true;
    const body = { ...workflow, draft };
    return (await this.ask<{ id: string }>('POST', 'api/builder/workflows', body)).id;
  }

  /** Give a workflow another name: a new version of it. A draft stays one. */
  async rename(id: string, name: string): Promise<void> {
    const draft = (await this.workflow(id)).metadata?.draft === true;
    const body = { name, draft, message: `Renamed to ${name}` };
    await this.ask('PUT', `api/builder/workflows/${encodeURIComponent(id)}`, body);
  }

  /** Delete a workflow with all its versions. */
  async remove(id: string): Promise<void> {
    await this.ask('DELETE', `api/builder/workflows/${encodeURIComponent(id)}`);
  }

  /** Let the triggers run the current version whatever is saved later; or no longer. */
  async publish(id: string, isPublished: boolean): Promise<void> {
    const path = `api/builder/workflows/${encodeURIComponent(id)}/publish`;
    await (isPublished ? this.ask('POST', path, {}) : this.ask('DELETE', path));
  }

  /** Save a workflow under its name, as `Client.save` does; return its id. Nothing happens if nothing changed. */
  async save(workflow: WireWorkflow): Promise<string> {
    const [known] = await this.workflows(workflow.name);
    if (known) {
      const stored = await this.ask<WireWorkflow>('GET', `api/builder/workflows/${known.id}`);
      if (sameContent(stored, workflow)) {
        return known.id;
      }
      if ((stored.dialect ?? 'builder') === (workflow.dialect ?? 'builder')) {
        await this.ask('PUT', `api/builder/workflows/${known.id}`, workflow);
        return known.id;
      }
    }
    return (await this.ask<{ id: string }>('POST', 'api/builder/workflows', workflow)).id;
  }

  /** Begin a run and return its id. The python nodes run in the kernel whose worker is named, if one is. */
  async start(
    workflowId: string,
    entry: Entry,
    inputs: Record<string, unknown>,
    worker = ''
  ): Promise<string> {
    const { trigger: triggerNodeId, target: targetNodeId } = entry;
    const body = { canvasId: workflowId, triggerNodeId, targetNodeId, inputs };
    // By hand: a request to api/run that says the same as one of a moment ago is taken for that one.
    const headers: Record<string, string> = { 'X-Trigger-Type': 'manual' };
    if (worker) {
      headers['Builder-Worker'] = worker;
    }
    const begun = await this.ask<{ executionId: string }>('POST', START, body, {}, headers);
    return begun.executionId;
  }

  /** What a run of a workflow, saved or not, would cost. */
  async estimate(workflow: WireWorkflow, trigger: string): Promise<Estimate> {
    return this.ask('POST', 'api/builder/estimate', workflow, { trigger });
  }

  /** The picture of an execution. */
  async picture(executionId: string): Promise<Picture> {
    return this.ask('GET', `api/builder/executions/${encodeURIComponent(executionId)}`);
  }

  /** Stop an execution. */
  async cancel(executionId: string): Promise<Picture> {
    return this.ask('POST', `api/builder/executions/${encodeURIComponent(executionId)}/cancel`, {});
  }

  /** Run an execution's plan again, whole or from a step (or one visit of it) on; return the id of the new one. */
  async replay(
    executionId: string,
    from: { stepId: string; visit?: number } | null = null,
    worker = ''
  ): Promise<string> {
    const path = `api/builder/executions/${encodeURIComponent(executionId)}/replay`;
    const headers: Record<string, string> = worker ? { 'Builder-Worker': worker } : {};
    const body = from
      ? { fromStepId: from.stepId, ...(from.visit ? { visit: from.visit } : {}) }
      : {};
    return (await this.ask<{ executionId: string }>('POST', path, body, {}, headers)).executionId;
  }

  /** A file that a step has made or that was uploaded. */
  async asset(id: string): Promise<Blob> {
    const path = `api/builder/assets/${encodeURIComponent(id)}`;
    const response = await this.connection.request(path, { method: 'GET' });
    if (!response.ok) {
      throw faultOf(response.status, await response.json().catch(() => null));
    }
    return response.blob();
  }

  /** What all executions wait for. */
  async waitpoints(): Promise<OpenWaitpoint[]> {
    const answer = await this.ask<{ waitpoints: OpenWaitpoint[] }>('GET', 'api/builder/waitpoints');
    return answer.waitpoints;
  }

  /** Answer a waitpoint; return the picture of the execution that waited, and whether nobody had answered before. */
  async answer(waitpointId: string, answer: unknown): Promise<Picture & { counted: boolean }> {
    const path = `api/builder/waitpoints/${encodeURIComponent(waitpointId)}/complete`;
    return this.ask('POST', path, { answer });
  }

  /** The tools there are. */
  async tools(): Promise<{ name: string; description: string }[]> {
    const answer = await this.ask<unknown>('GET', 'api/builder/tools');
    return (Array.isArray(answer) ? answer : (answer as { tools: unknown }).tools) as {
      name: string;
      description: string;
    }[];
  }

  /** The newest executions, of one workflow if given, and those in a status or with a text if that is given. */
  async executions(
    workflowId: string | null,
    limit: number,
    status = '',
    text = ''
  ): Promise<ExecutionSummary[]> {
    const about = {
      limit: String(limit),
      ...(workflowId ? { workflow_id: workflowId } : {}),
      ...(status ? { status } : {}),
      ...(text ? { text } : {})
    };
    const answer = await this.ask<{ executions: ExecutionSummary[] }>(
      'GET',
      'api/builder/executions',
      undefined,
      about
    );
    return answer.executions;
  }

  /** The events so far that came after one. */
  async events(executionId: string, after: number): Promise<RunEvent[]> {
    const path = `api/builder/executions/${encodeURIComponent(executionId)}/events`;
    const answer = await this.ask<{ events: RunEvent[] }>('GET', path, undefined, {
      after: String(after)
    });
    return answer.events;
  }

  /** A socket that sends the events after one, in arrays. */
  socket(executionId: string, after: number): WebSocket {
    const id = encodeURIComponent(executionId);
    return this.connection.socket(`api/builder/executions/${id}/socket?after=${String(after)}`);
  }

  private probe: Promise<boolean> | null = null;

  /** Ask a route of the server; what it refuses rejects with a `ServerError`. */
  async ask<T>(
    method: string,
    path: string,
    body?: unknown,
    query: Record<string, string> = {},
    headers: Record<string, string> = {}
  ): Promise<T> {
    const asked = new URLSearchParams(query).toString();
    // Without any, a page's own settings stay in force: headers are not merged.
    const init: RequestInit = Object.keys(headers).length ? { method, headers } : { method };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
    }
    const response = await this.connection.request(asked ? `${path}?${asked}` : path, init);
    const answer: unknown = await response.json().catch(() => null);
    if (!response.ok) {
      throw faultOf(response.status, answer);
    }
    return answer as T;
  }
}

/** What the server says of a workflow among its metadata. */
const SERVERS = new Set(['deployed', 'deployed_at', 'deployed_version']);

/** What a workflow says, without what the server says of it. */
export function contentOf(workflow: WireWorkflow): WireWorkflow {
  const { name, description, nodes, edges, dialect } = workflow;
  const metadata = Object.fromEntries(
    Object.entries(workflow.metadata ?? {}).filter(([key]) => !SERVERS.has(key))
  );
  return {
    name,
    description: description ?? '',
    nodes,
    edges,
    metadata,
    ...(dialect === undefined ? {} : { dialect })
  };
}

/** Whether two workflows say the same; positions count, defaults that the server fills in do not. */
export function sameContent(stored: WireWorkflow, wanted: WireWorkflow): boolean {
  const content = (workflow: WireWorkflow) => [
    workflow.name,
    workflow.description ?? '',
    workflow.nodes,
    workflow.edges,
    { tags: [], deployed: false, ...workflow.metadata },
    workflow.dialect ?? 'builder'
  ];
  return same(content(stored), content(wanted));
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) {
    return true;
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return false;
  }
  if (Array.isArray(a) !== Array.isArray(b)) {
    return false;
  }
  const left = Object.entries(a);
  return (
    left.length === Object.keys(b).length &&
    left.every(([name, value]) => name in b && same(value, (b as Record<string, unknown>)[name]))
  );
}

/** The first thing at fault: of a form's fields, or of what validation says. */
function firstFault(details: unknown): string | undefined {
  if (Array.isArray(details)) {
    const first = details[0] as { field?: string; error?: string } | undefined;
    return first?.field && first.error ? `${first.field}: ${first.error}` : undefined;
  }
  return (details as { errors?: { message?: string }[] } | undefined)?.errors?.[0]?.message;
}

function faultOf(status: number, answer: unknown): ServerError {
  const said = (answer ?? {}) as { message?: unknown; error?: unknown; code?: unknown };
  const details = (answer as { details?: unknown } | null)?.details;
  const finding = firstFault(details);
  const text = typeof said.message === 'string' ? said.message : said.error;
  const message = typeof text === 'string' && text ? text : `The server answered ${status}.`;
  return new ServerError(
    finding && !message.includes(finding) ? `${message}: ${finding}` : message,
    status,
    typeof said.code === 'string' ? said.code : null,
    details ?? null
  );
}
