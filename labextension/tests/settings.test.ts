import { describe, expect, it } from 'vitest';

import type { Connection } from '../src/connection';
import { Server } from '../src/server';
import {
  budgetOf,
  expiry,
  factsOfBudget,
  factsOfKey,
  factsOfProvider,
  goodKeys,
  type KeyShown,
  type Provider,
  rowsOf,
  SCOPES,
  SettingsApi,
  USUAL_SCOPES
} from '../src/bars/settings-data';
import { KeysSection } from '../src/bars/settings-keys';
import { ProvidersSection } from '../src/bars/settings-providers';

const NOW = Date.parse('2026-01-31T12:00:00Z');

const key = (more: Partial<KeyShown> = {}): KeyShown => ({
  ...{ id: 'key_1', name: 'ci', prefix: 'builder_abcdefgh', scopes: ['read:canvases'] },
  ...{ created_by: 'me', last_used_at: null, expires_at: null, revoked_at: null },
  ...more
});

const provider = (name: string, more: Partial<Provider> = {}): Provider => ({
  ...{ provider: name, title: name, mode: 'auto', builtIn: false, connected: false },
  fields: [{ name: 'apiKey', title: 'API key', secret: true, required: true }],
  ...more
});

/** A connection that answers by path and notes what was asked. */
function scripted(answers: Record<string, unknown>) {
  const asked: { method: string; path: string; body: unknown }[] = [];
  const connection: Connection = {
    request: (path, init) => {
      const text = typeof init.body === 'string' ? init.body : 'null';
      asked.push({ method: init.method ?? 'GET', path, body: JSON.parse(text) });
      const found = answers[`${init.method ?? 'GET'} ${path.split('?')[0] ?? ''}`];
      const status = found === undefined ? 404 : 200;
      return Promise.resolve(new Response(JSON.stringify(found ?? { message: 'No.' }), { status }));
    },
    socket: () => {
      throw new Error('no socket is opened');
    }
  };
  return { api: new SettingsApi(new Server(connection)), asked };
}

const settled = () => new Promise(resolve => setTimeout(resolve));

describe('keys', () => {
  it('are listed while they are good, newest first', () => {
    const keys = [
      key({ id: 'a' }),
      key({ id: 'b', revoked_at: '2026-01-01T00:00:00Z' }),
      key({ id: 'c', expires_at: '2026-01-31T12:00:00Z' }),
      key({ id: 'd', expires_at: '2026-01-31T12:00:01Z' })
    ];
    expect(goodKeys(keys, NOW).map(one => one.id)).toEqual(['d', 'a']);
  });

  it('say when they expire and were used', () => {
    expect(factsOfKey(key(), NOW)).toBe('builder_abcdefgh… · never used');
    const used = key({ last_used_at: '2026-01-29T12:00:00Z', expires_at: '2026-02-10T13:00:00Z' });
    expect(factsOfKey(used, NOW)).toBe('builder_abcdefgh… · used 2 d ago · expires in 10 d');
  });

  it('expire after whole days, or never', () => {
    expect(expiry(30, NOW)).toBe('2026-03-02T12:00:00.000Z');
    expect(expiry(0, NOW)).toBeUndefined();
  });

  it('may by default what the server gives by default', () => {
    expect(USUAL_SCOPES).toEqual(['read:canvases', 'run:workflows']);
    expect(SCOPES).toHaveLength(9);
  });

  it('are shown once, and gone from the page with Done', async () => {
    const secret = `builder_${'x'.repeat(43)}`;
    const answers: Record<string, unknown> = {
      'GET api/builder/keys': { keys: [key()] },
      'POST api/builder/keys': { ...key(), key: secret }
    };
    const { api, asked } = scripted(answers);
    api.workspace = 'ws_1';
    const section = new KeysSection(api);
    document.body.replaceChildren(section.node);
    await section.load();
    section.draw();
    const find = <T extends HTMLElement>(selector: string) => {
      const found = section.node.querySelector<T>(selector);
      if (!found) {
        throw new Error(`nothing is ${selector}`);
      }
      return found;
    };
    const press = (word: string) => {
      const buttons = [...section.node.querySelectorAll('button')];
      buttons.find(one => one.textContent === word)?.click();
    };
    press('New key…');
    find<HTMLInputElement>('form input[maxlength]').value = 'ci';
    find<HTMLInputElement>('input[value="write:canvas"]').checked = true;
    find<HTMLFormElement>('form').requestSubmit();
    await settled();
    const made = asked.find(one => one.method === 'POST');
    expect(made?.path).toBe('api/builder/keys?workspaceId=ws_1');
    expect(made?.body).toMatchObject({
      ...{ name: 'ci', scopes: ['read:canvases', 'run:workflows', 'write:canvas'] },
      expires_at: expect.stringMatching(/^\d{4}-.*Z$/) as string
    });
    expect(find<HTMLInputElement>('.jp-bj-secret input').value).toBe(secret);
    press('Done');
    expect(section.node.outerHTML).not.toContain(secret);
  });
});

describe('providers', () => {
  it('stand with their connection, the connected ones first', () => {
    const rows = rowsOf(
      [provider('fal'), provider('openai', { connected: true, builtIn: true })],
      [
        {
          connectionId: 'old',
          provider: 'openai',
          displayName: 'Old',
          status: 'revoked',
          credential: {}
        },
        {
          ...{ connectionId: 'c', provider: 'openai', displayName: 'Ours', status: 'active' },
          credential: { apiKey: '…4242' }
        }
      ]
    );
    expect(rows.map(one => one.provider)).toEqual(['openai', 'fal']);
    expect(rows.map(factsOfProvider)).toEqual([
      'Ours · …4242 · the server has one',
      'not connected'
    ]);
  });

  it('keep a secret in no box after it was sent, and what was typed when it was refused', async () => {
    const answers: Record<string, unknown> = {
      'GET api/integrations/providers': { providers: [provider('openai')] },
      'GET api/integrations/provider-connections': { connections: [] }
    };
    const { api, asked } = scripted(answers);
    const section = new ProvidersSection(api);
    document.body.replaceChildren(section.node);
    await section.load();
    section.draw();
    const opener = section.node.querySelector('button');
    opener?.click();
    const input = section.node.querySelector<HTMLInputElement>('input[type=password]');
    input?.setRangeText('sk-secret');
    section.node.querySelector('form')?.requestSubmit();
    await settled();
    expect(section.node.querySelector('[role=alert]')?.textContent).toContain('No.');
    expect(input?.value).toBe('sk-secret');
    answers['POST api/integrations/provider-connections'] = {};
    section.node.querySelector('form')?.requestSubmit();
    await settled();
    expect(asked.filter(one => one.method === 'POST').at(-1)?.body).toEqual({
      ...{ workspaceId: 'default', provider: 'openai', displayName: 'openai' },
      credentialPayload: { apiKey: 'sk-secret' }
    });
    expect(section.node.querySelector('form')).toBeNull();
  });
});

describe('the budget', () => {
  it('is a whole number of credits, or none', () => {
    expect([budgetOf(' 250 '), budgetOf('0'), budgetOf('')]).toEqual([250, 0, null]);
    for (const typed of ['-1', '1.5', 'many', '1e3']) {
      expect(() => budgetOf(typed)).toThrow('whole number');
    }
  });

  it('says what was spent, is held and is left', () => {
    const budget = { creditsPerMonth: 100, used: 12.5, held: 0, left: 87.5 };
    expect(factsOfBudget(budget)).toBe('12.5 credits spent this month · 87.5 credits left');
    expect(factsOfBudget({ ...budget, held: 3, left: null })).toBe(
      '12.5 credits spent this month · 3 credits held'
    );
  });
});
