/** What all canvases on a page share. */
import { Server } from './server';
import { Watch } from './watch';

export const server = new Server();
export const watch = new Watch(server);
