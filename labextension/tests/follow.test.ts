import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Follower } from '../src/follow';
import type { RunEvent } from '../src/types';

class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  isClosed = false;

  constructor(readonly after: number) {}

  close(): void {
    this.isClosed = true;
  }

  say(...events: Partial<RunEvent>[]): void {
    this.onmessage?.({ data: JSON.stringify(events) });
  }
}

describe('following an execution', () => {
  let sockets: FakeSocket[] = [];
  let heard: number[] = [];
  const polled = vi.fn<(id: string, after: number) => Promise<RunEvent[]>>();

  const follow = () =>
    new Follower(
      {
        socket: (_id, after) => {
          const socket = new FakeSocket(after);
          sockets.push(socket);
          return socket as unknown as WebSocket;
        },
        events: polled
      },
      'e',
      {
        onLink: () => undefined,
        onEvents: events => {
          heard.push(...events.map(event => event.seq));
          return events.some(event => event.status === 'completed') ? null : (heard.at(-1) ?? 0);
        }
      }
    );

  beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
    heard = [];
    polled.mockReset().mockResolvedValue([]);
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('goes on where a dropped socket broke off', async () => {
    follow();
    sockets[0]?.say({ seq: 1 }, { seq: 2 });
    sockets[0]?.onclose?.();
    await vi.advanceTimersByTimeAsync(200);
    expect(sockets.map(socket => socket.after)).toEqual([0, 2]);
    sockets[1]?.say({ seq: 3, status: 'completed' });
    expect(heard).toEqual([1, 2, 3]);
    expect(sockets[1]?.isClosed).toBe(true);
    sockets[1]?.onclose?.();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sockets).toHaveLength(2);
  });

  it('asks for the events where no socket gets through', async () => {
    polled.mockResolvedValue([{ seq: 7, at: 0, kind: 'status', status: 'completed' }]);
    follow();
    for (let round = 0; round < 3; round += 1) {
      sockets.at(-1)?.onclose?.();
      await vi.advanceTimersByTimeAsync(2000);
    }
    expect(heard).toEqual([7]);
    expect(sockets).toHaveLength(3);
  });

  it('is quiet once it was stopped', async () => {
    const follower = follow();
    follower.stop();
    sockets[0]?.say({ seq: 1 });
    sockets[0]?.onclose?.();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(heard).toEqual([]);
    expect(sockets).toHaveLength(1);
  });
});
