/** What is taken hold of to draw an edge: dots at a card's right side, with the names of its sockets, and those at its left. */
import { element } from '../dom';
import { nameOf, type Socket, socketColor } from '../sockets';
import type { Point } from './wire';

/** The height of a name, with a little room, in pixels. */
const LINE = 20;

/** A dot: at a socket, or at the card's side where it has none. `at` is in pixels of the stage. */
export interface Handle {
  nodeId: string;
  socket: Socket | null;
  at: Point;
  /** Whether it is the one that is meant. */
  isChosen?: boolean;
}

/** The dots of one graph. */
export class Handles {
  readonly node = element('div', 'jp-bj-handles', { 'aria-hidden': 'true' });
  onPress: (handle: Handle, event: PointerEvent) => void = () => undefined;
  onEnter: () => void = () => undefined;
  onLeave: () => void = () => undefined;

  /** Show these and no others; `isNamed`: with the names of sockets. Those that stay keep the pointer. */
  show(handles: Handle[], isNamed: boolean): void {
    const wanted = new Set<string>();
    const aside = spread(handles);
    for (const handle of handles) {
      const { nodeId, socket, at } = handle;
      const key = JSON.stringify([nodeId, socket?.side, socket?.name, socket?.type]);
      wanted.add(key);
      const made = this.made.get(key) ?? this.make(key, handle);
      made.style.transform = `translate(${String(at.x)}px, ${String(at.y)}px)`;
      made.style.setProperty('--jp-bj-aside', `${String(aside.get(handle) ?? 0)}px`);
      made.classList.toggle('jp-mod-chosen', handle.isChosen === true);
      made.classList.toggle('jp-mod-bare', !isNamed);
    }
    for (const [key, made] of this.made) {
      if (!wanted.has(key)) {
        made.remove();
        this.made.delete(key);
      }
    }
  }

  private readonly made = new Map<string, HTMLElement>();

  private make(key: string, handle: Handle): HTMLElement {
    const { socket } = handle;
    const made =
      socket?.side === 'in' ? element('div', 'jp-bj-inlet') : this.outlet(handle, socket);
    if (socket) {
      made.dataset.socket = socket.name;
      made.style.setProperty('--jp-bj-flow', socketColor(socket, 'var(--jp-brand-color1)'));
      made.append(
        element(
          'span',
          'jp-bj-socket',
          {},
          nameOf(socket),
          socket.type === null ? null : element('span', 'jp-bj-kind', {}, socket.type)
        )
      );
    }
    this.made.set(key, made);
    this.node.append(made);
    return made;
  }

  private outlet(handle: Handle, socket: Socket | null): HTMLElement {
    const title = socket ? `Drag to connect “${nameOf(socket)}”` : 'Drag to connect';
    const made = element('div', 'jp-bj-dot', { title });
    made.addEventListener('pointerenter', () => {
      this.onEnter();
    });
    made.addEventListener('pointerleave', () => {
      this.onLeave();
    });
    made.addEventListener('pointerdown', event => {
      if (event.button === 0) {
        event.preventDefault();
        event.stopPropagation();
        this.onPress(handle, event);
      }
    });
    return made;
  }
}

/** How far below its socket a name stands, so that names do not lie upon one another where sockets are close. */
function spread(handles: Handle[]): Map<Handle, number> {
  const found = new Map<Handle, number>();
  for (const side of ['in', 'out'] as const) {
    const ones = handles.filter(one => one.socket?.side === side);
    const [first, second] = ones;
    const missing = first && second ? Math.max(0, LINE - (second.at.y - first.at.y)) : 0;
    ones.forEach((one, i) => found.set(one, (i - (ones.length - 1) / 2) * missing));
  }
  return found;
}
