/** What the side bar *Settings* shows and sends. Plain data. */
import type { Server } from '../server';

/** Permissions of keys in published order, with what they allow; the server decides which one's own role has. */
export const SCOPES: readonly (readonly [name: string, allows: string])[] = [
  ['read:canvases', 'See workflows and runs'],
  ['read:assets', 'See files'],
  ['run:workflows', 'Run workflows, read results'],
  ['write:canvas', 'Change workflows'],
  ['write:assets', 'Change files'],
  ['read:billing', 'See credits and costs'],
  ['manage:integrations', 'Manage keys, providers and people'],
  ['delete:canvas', 'Delete workflows'],
  ['delete:assets', 'Delete files']
];
/** What a new key may do if nobody chooses. */
export const USUAL_SCOPES: readonly string[] = ['read:canvases', 'run:workflows'];
/** How long a key is good: days, or 0 for as long as nobody revokes it. */
export const LIVES: readonly (readonly [days: number, label: string])[] = [
  [30, '30 days'],
  [90, '90 days'],
  [365, 'A year'],
  [0, 'Until it is revoked']
];
/** Whose credential is used for a provider. */
export const MODES: readonly (readonly [mode: string, label: string])[] = [
  ['auto', 'Ours if there is one, else the server’s'],
  ['byo-only', 'Ours only'],
  ['built-in-only', 'The server’s only']
];
export const ROLES = ['admin', 'editor', 'viewer'] as const;

const DAY_MS = 86_400_000;

export interface KeyShown {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  created_by: string;
  last_used_at: string | null;
  expires_at: string | null;
  revoked_at: string | null;
}

export interface Workspace {
  id: string;
  name: string;
  owner_id: string | null;
  role: string;
}

export interface Member {
  name: string;
  role: string;
}

export interface Invite {
  id: string;
  email: string;
  role: string;
  state: string;
  expires_at: string;
}

export interface ProviderField {
  name: string;
  title: string;
  secret: boolean;
  required: boolean;
}

export interface Provider {
  provider: string;
  title: string;
  fields: ProviderField[];
  mode: string;
  builtIn: boolean;
  connected: boolean;
}

export interface ProviderConnection {
  connectionId: string;
  provider: string;
  displayName: string;
  status: string;
  credential: Record<string, string>;
}

export interface Budget {
  creditsPerMonth: number | null;
  used: number;
  held: number;
  left: number | null;
}

export interface Hook {
  canvasId: string;
  triggerNodeId: string;
  webhookUrl: string;
}

/** A provider with its connection, if there is one. */
export interface ProviderRow extends Provider {
  connection: ProviderConnection | null;
}

/** The keys that are still good, newest first. */
export function goodKeys(keys: readonly KeyShown[], now: number): KeyShown[] {
  const isGood = (key: KeyShown) =>
    key.revoked_at === null && (key.expires_at === null || Date.parse(key.expires_at) > now);
  return keys.filter(isGood).reverse();
}

/** When a key that is made now and is good for so many days expires; undefined for never. */
export function expiry(days: number, now: number): string | undefined {
  return days ? new Date(now + days * DAY_MS).toISOString() : undefined;
}

/** What is told of a key below its name. */
export function factsOfKey(key: KeyShown, now: number): string {
  const left = key.expires_at === null ? null : (Date.parse(key.expires_at) - now) / DAY_MS;
  const expires = left === null ? [] : [`expires ${inDays(left)}`];
  const used =
    key.last_used_at === null
      ? 'never used'
      : `used ${agoInDays(now - Date.parse(key.last_used_at))}`;
  return [`${key.prefix}…`, used, ...expires].join(' · ');
}

/** Providers with their connections, those that are connected first. */
export function rowsOf(
  providers: readonly Provider[],
  connections: readonly ProviderConnection[]
): ProviderRow[] {
  const rows = providers.map(one => ({
    ...one,
    connection:
      connections.find(other => other.provider === one.provider && other.status === 'active') ??
      null
  }));
  return rows.sort((a, b) => Number(b.connected) - Number(a.connected));
}

/** What is told of a provider below its name. */
export function factsOfProvider(row: ProviderRow): string {
  const own = row.connection
    ? `${row.connection.displayName} · ${Object.values(row.connection.credential).join(' · ')}`
    : 'not connected';
  return row.builtIn ? `${own} · the server has one` : own;
}

/** What is told of the budget. */
export function factsOfBudget(budget: Budget): string {
  const spent = `${shown(budget.used)} spent this month`;
  const held = budget.held ? [`${shown(budget.held)} held`] : [];
  const left = budget.left === null ? [] : [`${shown(budget.left)} left`];
  return [spent, ...held, ...left].join(' · ');
}

/** The number that was typed as a budget: null for none. Throws when it is no number of credits. */
export function budgetOf(typed: string): number | null {
  const text = typed.trim();
  if (!text) {
    return null;
  }
  if (!/^\d{1,12}$/.test(text)) {
    throw new Error('A budget is a whole number of credits, or nothing for no limit.');
  }
  return Number(text);
}

/** The settings' routes, of one workspace. */
export class SettingsApi {
  /** The id of the workspace that is shown; `''` is the one that somebody signs in to. */
  workspace = '';

  constructor(private readonly server: Server) {}

  get isThere(): Promise<boolean> {
    return this.server.isThere;
  }

  /** The workspaces that one may act in, whichever is shown. */
  async all(): Promise<{ workspaces: Workspace[] }> {
    return this.server.ask('GET', 'api/builder/workspaces');
  }

  async get<T>(path: string): Promise<T> {
    return this.server.ask<T>('GET', path, undefined, this.query);
  }

  /** The answer of a route that this server, or one's role, may not have: null then. */
  async find<T>(path: string): Promise<T | null> {
    return this.get<T>(path).catch(() => null);
  }

  async send<T>(method: string, path: string, body?: unknown): Promise<T> {
    return this.server.ask<T>(method, path, body, this.query);
  }

  private get query(): Record<string, string> {
    return this.workspace ? { workspaceId: this.workspace } : {};
  }
}

function shown(credits: number): string {
  return `${Number(credits.toFixed(2))} credits`;
}

function inDays(days: number): string {
  return days < 0.5 ? 'today' : `in ${Math.round(days)} d`;
}

function agoInDays(ms: number): string {
  const days = Math.floor(ms / DAY_MS);
  return days < 1 ? 'today' : `${days} d ago`;
}
