/** Who asks, on a page outside JupyterLab: whoever Jupyter's cookie says, or the bearer of a key that was pasted. */
import { Signal } from '@lumino/signaling';

import type { Connection } from '../connection';

/** The way to the server from the page of the builder. A key lives in this object and nowhere else. */
export class Session implements Connection {
  /** Emitted when the server does not know who asks. */
  readonly refused = new Signal<this, void>(this);
  /** An API key, a JSON Web Token or the server's own token; empty for the cookie. */
  key = '';

  /** `base` is the server's base URL, `cookies` what the page's cookies are. */
  constructor(
    private readonly base: URL,
    private readonly cookies: () => string = () => document.cookie
  ) {}

  async request(path: string, init: RequestInit): Promise<Response> {
    const { key } = this;
    const headers = new Headers(init.headers);
    headers.set('Content-Type', 'application/json');
    if (key) {
      headers.set('Authorization', `Bearer ${key}`);
    } else {
      headers.set('X-XSRFToken', this.xsrf);
    }
    const response = await fetch(new URL(path, this.base), {
      ...init,
      headers,
      cache: 'no-store',
      credentials: key ? 'omit' : 'same-origin'
    });
    // What was asked before a key was pasted may be refused after it.
    if (response.status === 401 && key === this.key) {
      this.refused.emit();
    }
    return response;
  }

  /** With a key no socket opens, since a browser sends none along; the events are then asked for. */
  socket(path: string): WebSocket {
    const url = new URL(path, this.base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return new WebSocket(url);
  }

  private get xsrf(): string {
    const pairs = this.cookies()
      .split('; ')
      .map(pair => pair.split('='));
    const value =
      pairs
        .find(([name]) => name === '_xsrf')
        ?.slice(1)
        .join('=') ?? '';
    return value.replace(/^"|"$/g, '');
  }
}
