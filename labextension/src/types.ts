/** What the server and the kernel say, as types. Names on the wire are the server's. */

/** Where one visit of one step stands. */
export type StepStatus =
  'pending' | 'running' | 'streaming' | 'waiting' | 'completed' | 'error' | 'skipped';

/** Where an execution stands. */
export type ExecutionStatus =
  'planning' | 'running' | 'waiting' | 'completed' | 'error' | 'cancelled';

/** How nodes of one type look, and what a step of that type costs. */
export interface Look {
  color: string;
  icon: string;
  title: string;
  credits: number;
  /** The typed ports of types that have sockets. */
  inputs?: { name: string; type: string }[];
  outputs?: { name: string; type: string }[];
}

/** A node as it is drawn; `x` and `y` are its centre. */
export interface DocNode {
  id: string;
  label: string;
  type: string;
  x: number;
  y: number;
  /** The labels by which it chooses; `''` for edges that have none of them. */
  routes?: string[];
}

/** An edge as it is drawn: one for all that run between the same two nodes. */
export interface DocEdge {
  source: string;
  target: string;
  label: string;
  /** The sockets that it joins, by name: several where several edges of the workflow are drawn as this one. */
  sockets?: [source: string | null, target: string | null][];
}

/** A titled box behind nodes. */
export interface DocGroup {
  id: string;
  title: string;
  nodes: string[];
}

/** One input of a run. `kind` says how it is asked for. */
export interface Field {
  name: string;
  label: string;
  kind: 'text' | 'line' | 'json';
  value: string;
}

/** A node that a run can begin with. */
export interface Trigger {
  node: string;
  label: string;
  fields: Field[];
}

/** A node as the workflow's own file has it. */
export interface WireNode {
  id: string;
  type: string;
  data?: Record<string, unknown>;
  [name: string]: unknown;
}

/** The names that expressions can read: inputs, and by node id the name of its result. */
export interface StateNames {
  inputs: string[];
  results: Record<string, string>;
}

/** A workflow in its own wire shape. */
export interface WireWorkflow {
  name: string;
  description?: string;
  nodes: WireNode[];
  edges: Record<string, unknown>[];
  metadata?: Record<string, unknown>;
  dialect?: string;
}

/** The whole graph as Python sends it. */
export interface Doc {
  version: number;
  name: string;
  workflowId: string | null;
  looks: Record<string, Look>;
  nodes: DocNode[];
  edges: DocEdge[];
  groups?: DocGroup[];
  triggers: Trigger[];
  names?: StateNames;
  document: WireWorkflow;
}

/** Tokens a step has spent. */
export interface Usage {
  model: string;
  inputTokens: number;
  outputTokens: number;
}

/** What went wrong. */
export interface Fault {
  message: string;
  code?: string | null;
  stepId?: string;
}

/** A value on a port. */
export interface PortValue {
  type: string;
  value: unknown;
}

/** What a step waits for. Times are epoch milliseconds. */
export interface Waitpoint {
  waitpointId: string;
  stepId: string;
  visit: number;
  kind: string;
  request: Record<string, unknown>;
  deadlineAt: number | null;
}

/** One visit of one step in the published picture of an execution. */
export interface StepPicture {
  stepId: string;
  visit: number;
  status: StepStatus;
  attempt: number;
  startedAt: number | null;
  finishedAt: number | null;
  credits: number;
  outputs: Record<string, PortValue>;
  text: string | null;
  usage: Usage | null;
  error: Fault | null;
  skipReason: string | null;
  display?: Record<string, unknown>[];
  retryAt?: number | null;
}

/** The published picture of an execution. Times are epoch milliseconds. */
export interface Picture {
  executionId: string;
  canvasId: string;
  status: ExecutionStatus;
  createdAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  error: Fault | null;
  inputs: Record<string, unknown>;
  steps: StepPicture[];
  waitpoints?: Waitpoint[];
  output: unknown;
  credits: { charged: number; refunded: number };
}

/** An execution in a list. */
export interface ExecutionSummary {
  executionId: string;
  canvasId: string;
  workflowName: string;
  status: ExecutionStatus;
  triggerType: string;
  createdAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  error: Fault | null;
  credits: number;
}

/** What a step of some execution waits for; `request` is what to ask. */
export interface OpenWaitpoint extends Waitpoint {
  executionId: string;
  workflowName: string;
  request: { prompt?: string; options?: unknown[]; schema?: Record<string, unknown> };
}

/** A workflow in a list. */
export interface WorkflowSummary {
  id: string;
  name: string;
  description: string;
  version: number;
  updated_at: string;
  node_count: number;
  tags: string[];
}

/** Something that happened to an execution. */
export interface RunEvent {
  seq: number;
  at: number;
  kind: 'status' | 'step' | 'token' | 'waitpoint' | 'cancel';
  status?: string;
  stepId?: string;
  visit?: number;
  attempt?: number;
  offset?: number;
  text?: string;
  error?: Fault | null;
  outputs?: Record<string, PortValue>;
  usage?: Usage | null;
  skipReason?: string;
  waitsFor?: string;
  waitpointId?: string;
  request?: Record<string, unknown>;
  deadlineAt?: number | null;
  retryAt?: number;
  /** How a waitpoint ended; missing while it is open. */
  ended?: string;
}

/** How a node stands, as Python sends it: the end of its text, at `offset` in the whole. */
export interface NodeStatus {
  status: StepStatus;
  seq?: number;
  visit?: number;
  text?: string;
  offset?: number;
  error?: Fault | null;
  usage?: Usage | null;
  /** What it left at its ports, text apart. */
  outputs?: Record<string, PortValue>;
  credits?: number;
  startedAt?: number | null;
  finishedAt?: number | null;
  skipReason?: string | null;
}

/** The execution that Python follows; empty when there is none. */
export interface Header {
  id: string;
  status: ExecutionStatus;
  createdAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  credits: number;
  error: Fault | null;
  inputs: Record<string, unknown>;
  steps: number;
  seq: number;
}

/** Whether an execution in this status is over. */
export function isOver(status: ExecutionStatus): boolean {
  return status === 'completed' || status === 'error' || status === 'cancelled';
}

/** Whether a step in this status is done with. */
export function isDone(status: StepStatus): boolean {
  return status === 'completed' || status === 'error' || status === 'skipped';
}
