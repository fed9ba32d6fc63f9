/** How requests reach the server. Token, XSRF and base URL are the business of whoever makes one. */

/** A way to the Jupyter server that a page belongs to. */
export interface Connection {
  /** Send a request to a path below the base URL. Rejects when the server cannot be reached. */
  request(path: string, init: RequestInit): Promise<Response>;
  /** Open a socket at a path below the base URL. */
  socket(path: string): WebSocket;
}
