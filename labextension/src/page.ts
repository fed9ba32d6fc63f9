/** What all canvases on a page of JupyterLab or Notebook share. */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ServerConnection } from '@jupyterlab/services';

import type { Connection } from './connection';
import { Server } from './server';
import { Watch } from './watch';

/** Token, XSRF and base URL as Jupyter's own requests have them. */
class JupyterConnection implements Connection {
  async request(path: string, init: RequestInit): Promise<Response> {
    const { settings } = this;
    const headers = new Headers(init.headers);
    if (init.body !== undefined && init.body !== null) {
      headers.set('Content-Type', 'application/json'); // a string is text/plain else
    }
    const url = new URL(path, settings.baseUrl).href;
    return ServerConnection.makeRequest(url, { ...init, headers }, settings);
  }

  socket(path: string): WebSocket {
    const { wsUrl, token, appendToken, WebSocket: Socket } = this.settings;
    const url = new URL(path, wsUrl);
    if (appendToken && token) {
      url.searchParams.set('token', token);
    }
    return new Socket(url.href);
  }

  private readonly settings = ServerConnection.makeSettings();
}

export const server = new Server(new JupyterConnection());
export const watch = new Watch(server);
/** Jupyter's renderers of MIME bundles, once the page has said which. */
export const renderers: { registry: IRenderMimeRegistry | null } = { registry: null };
