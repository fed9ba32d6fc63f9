/**
 * Dragging a workflow into a notebook, where it becomes a cell, or into a text, where it becomes code. JupyterLab's
 * notebooks know Lumino's drags only: a drag of the browser's own (HTML5) is not heard there.
 */
import { MimeData } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';

import { element } from '../dom';
import { cellOf } from '../opening';

const CELLS = 'application/vnd.jupyter.cells';

/** How far the pointer goes, in pixels, before it is a drag and no longer a click. */
const FAR = 6;

/** Let an element be dragged as the workflow of a name. */
export function makeDraggable(handle: HTMLElement, name: () => string): void {
  let wasDragged = false;
  handle.addEventListener('pointerdown', down => {
    wasDragged = false;
    if (down.button !== 0) {
      return;
    }
    const gesture = new AbortController();
    const options = { signal: gesture.signal };
    const move = (event: PointerEvent) => {
      if (Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) >= FAR) {
        gesture.abort();
        wasDragged = true;
        void begin(handle, name(), event).finally(() => {
          // After the click, if one comes of letting go: a later one by the keyboard is meant.
          setTimeout(() => {
            wasDragged = false;
          });
        });
      }
    };
    const stop = () => {
      gesture.abort();
    };
    window.addEventListener('pointermove', move, options);
    window.addEventListener('pointerup', stop, options);
    window.addEventListener('pointercancel', stop, options);
  });
  handle.addEventListener(
    'click',
    event => {
      if (wasDragged) {
        wasDragged = false;
        event.stopImmediatePropagation();
      }
    },
    true
  );
}

async function begin(source: HTMLElement, name: string, event: PointerEvent): Promise<void> {
  const mimeData = new MimeData();
  const cell = cellOf(name);
  mimeData.setData(CELLS, [cell]);
  mimeData.setData('text/plain', cell.source);
  const dragImage = element('div', 'jp-bj-dragged', {}, name);
  const drag = new Drag({
    ...{ mimeData, dragImage, source },
    ...{ supportedActions: 'copy-move', proposedAction: 'copy' }
  });
  await drag.start(event.clientX, event.clientY);
  drag.dispose();
}
