/** What all canvases on a page share. */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import { Server } from './server';
import { Watch } from './watch';

export const server = new Server();
export const watch = new Watch(server);
/** Jupyter's renderers of MIME bundles, once the page has said which. */
export const renderers: { registry: IRenderMimeRegistry | null } = { registry: null };
