import { describe, expect, it, vi } from 'vitest';

import { ServerHost } from '../src/documents/serverhost';
import { Session } from '../src/documents/session';
import type { EditableDoc } from '../src/editor/host';
import { contentOf, ServerError } from '../src/server';

/** A server as far as `ServerHost` knows one: it writes the texts, and its edits append to them. */
class Peer {
  asked: { path: string; body: { text: string; version: number; changes?: { op: string }[] } }[] =
    [];
  /** What goes wrong next, in this order. */
  faults: Error[] = [];
  isAway = false;

  async ask<T>(_method: string, path: string, body?: unknown): Promise<T> {
    await Promise.resolve();
    if (this.isAway) {
      throw new TypeError('Failed to fetch');
    }
    const fault = this.faults.shift();
    if (fault) {
      throw fault;
    }
    if (path === 'api/builder/catalogue') {
      return { catalogue: [{ type: 'agent' }] } as T;
    }
    if (path === 'api/builder/health') {
      return { status: 'healthy' } as T;
    }
    const sent = body as Peer['asked'][0]['body'];
    this.asked.push({ path, body: sent });
    const text = sent.text.trim() + (sent.changes ?? []).map(one => `+${one.op}`).join('');
    const doc = { version: sent.version + 1, name: text, document: { name: text } };
    return { doc, text, findings: { valid: true, errors: [], warnings: [] } } as T;
  }
}

function hostOf(peer: Peer, pauses = [1, 1]) {
  const host = new ServerHost(peer, pauses);
  const drawn: EditableDoc[] = [];
  host.drawn.connect((_, doc) => {
    drawn.push(doc);
  });
  return { host, drawn };
}

describe('the server as the one who holds a workflow', () => {
  it('keeps a text as it was given until it is changed', async () => {
    const peer = new Peer();
    const { host, drawn } = hostOf(peer);
    expect(host.editable).toBe(false);
    await host.open('w \n');
    expect([host.text, host.editable, host.catalogue.length]).toEqual(['w \n', true, 1]);
    await host.edit('Nothing', []);
    expect(host.text).toBe('w \n');
    expect(drawn.at(-1)?.undoes).toBeNull();
    await host.edit('Add', [{ op: 'a' }]);
    expect(host.text).toBe('w+a');
    await host.undo();
    expect(host.text).toBe('w \n');
    expect([drawn.at(-1)?.undoes, drawn.at(-1)?.redoes]).toEqual([null, 'Add']);
  });

  it('does what it is asked in order, each on what came of the one before', async () => {
    const peer = new Peer();
    const { host, drawn } = hostOf(peer);
    const done = [
      host.open('w'),
      host.edit('One', [{ op: 'a' }]),
      host.edit('Two', [{ op: 'b' }]),
      host.undo(),
      host.edit('Three', [{ op: 'c' }]),
      host.redo()
    ];
    await Promise.all(done);
    expect(host.text).toBe('w+a+c');
    const versions = drawn.map(doc => doc.version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    expect(new Set(versions).size).toBe(versions.length);
    expect(drawn.at(-1)).toMatchObject({ undoes: 'Three', redoes: null });
  });

  it('goes back at most 200 steps', async () => {
    const { host } = hostOf(new Peer());
    await host.open('w');
    await Promise.all(Array.from({ length: 205 }, () => host.edit('Add', [{ op: 'a' }])));
    await Promise.all(Array.from({ length: 300 }, () => host.undo()));
    expect(host.text).toBe('w' + '+a'.repeat(5));
    await Promise.all(Array.from({ length: 300 }, () => host.redo()));
    expect(host.text).toBe('w' + '+a'.repeat(205));
  });

  it('says why something is refused, and goes on', async () => {
    const peer = new Peer();
    const { host } = hostOf(peer);
    await host.open('w');
    const details = [{ field: 'changes[0].node.id', error: 'is taken' }];
    peer.faults = [new ServerError('This edit cannot be made.', 400, 'INVALID_EDIT', details)];
    const refused = host.edit('Add', [{ op: 'a' }]);
    const next = host.edit('Add', [{ op: 'b' }]);
    await expect(refused).rejects.toThrow('This edit cannot be made: node.id is taken.');
    await next;
    expect([host.text, host.isLinked]).toEqual(['w+b', true]);
  });

  it('asks again while the server is away, and nothing is lost', async () => {
    const peer = new Peer();
    const { host } = hostOf(peer);
    const links: boolean[] = [];
    host.linked.connect((_, isUp) => links.push(isUp));
    await host.open('w');
    peer.faults = [new TypeError('Failed to fetch'), new ServerError('Bad gateway', 502, null)];
    await Promise.all([host.edit('Add', [{ op: 'a' }]), host.edit('Add', [{ op: 'b' }])]);
    expect(host.text).toBe('w+a+b');
    expect(links).toEqual([false, true]);
  });

  it('gives up in the end, with all that waited, and can go on later', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const peer = new Peer();
      const { host } = hostOf(peer);
      await host.open('w');
      await host.edit('Add', [{ op: 'a' }]);
      peer.isAway = true;
      const lost = [host.edit('Add', [{ op: 'b' }]), host.undo()].map(one =>
        one.then(
          () => 'done',
          (error: unknown) => (error as Error).message
        )
      );
      await vi.advanceTimersByTimeAsync(10);
      expect(await Promise.all(lost)).toEqual(
        Array(2).fill(expect.stringContaining('The server does not answer'))
      );
      expect([host.text, host.isLinked]).toEqual(['w+a', false]);
      peer.isAway = false;
      peer.faults = [new TypeError('Failed to fetch')]; // not quite yet
      await vi.advanceTimersByTimeAsync(10_000);
      expect(host.isLinked).toBe(true);
      await host.undo();
      expect(host.text).toBe('w');
    } finally {
      vi.useRealTimers();
    }
  });

  it('takes what another program wrote as a step', async () => {
    const { host } = hostOf(new Peer());
    await host.replace('w', 'Open');
    await host.edit('Add', [{ op: 'a' }]);
    await host.replace('other', 'Read again');
    expect(host.text).toBe('other');
    expect(host.doc?.undoes).toBe('Read again');
    await host.undo();
    expect(host.text).toBe('w+a');
  });

  it('does nothing more once it is let go', async () => {
    const peer = new Peer();
    const { host } = hostOf(peer);
    await host.open('w');
    const waiting = host.edit('Add', [{ op: 'a' }]);
    host.dispose();
    await expect(waiting).rejects.toThrow();
    expect(peer.asked).toHaveLength(1);
  });
});

describe('the page outside JupyterLab', () => {
  it('sends the cookie with its token, or a key and nothing else', async () => {
    const sent: { url: string; init: RequestInit }[] = [];
    const answer = () => new Response('{}', { status: sent.length >= 3 ? 401 : 200 });
    vi.stubGlobal('fetch', (url: URL, init: RequestInit) => {
      sent.push({ url: url.href, init });
      return Promise.resolve(answer());
    });
    try {
      const session = new Session(new URL('http://host/base/'), () => 'a=1; _xsrf="2|x=y"; b=2');
      let refused = 0;
      session.refused.connect(() => (refused += 1));
      const header = (at: number, name: string) => new Headers(sent[at]?.init.headers).get(name);
      await session.request('api/builder/workflows?limit=1', { method: 'GET' });
      expect(sent[0]?.url).toBe('http://host/base/api/builder/workflows?limit=1');
      expect([header(0, 'X-XSRFToken'), header(0, 'Authorization')]).toEqual(['2|x=y', null]);
      session.key = 'builder_k';
      await session.request('api/builder/edits', { method: 'POST' });
      expect([header(1, 'X-XSRFToken'), header(1, 'Authorization')]).toEqual([
        null,
        'Bearer builder_k'
      ]);
      expect(sent[1]?.init.credentials).toBe('omit');
      expect(refused).toBe(0);
      await session.request('api/builder/edits', { method: 'POST' });
      expect(refused).toBe(1);
      const late = session.request('api/builder/edits', { method: 'POST' });
      session.key = 'builder_other';
      await late;
      expect(refused).toBe(1); // it was asked with the key before
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('leaves out of a workflow what the server says of it', () => {
    const stored = {
      id: 'wf_1',
      version: 3,
      name: 'x',
      nodes: [],
      edges: [],
      metadata: { tags: ['a'], deployed: true, deployed_version: 2 }
    };
    expect(contentOf(stored)).toEqual({
      name: 'x',
      description: '',
      nodes: [],
      edges: [],
      metadata: { tags: ['a'] }
    });
  });
});
