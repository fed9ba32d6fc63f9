/**
 * The saved picture where a canvas has no kernel any more. Jupyter says "model not found" there; the output has the
 * picture too, so it is shown instead, and goes when the cell is run again. Where the server still has the workflow, it
 * becomes a canvas again on the spot, which needs no kernel.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';

import { button, drawing, element } from './dom';
import * as icons from './icons';
import { server } from './page';
import type { Revived } from './revived';

/** The type under which a canvas lies in an output beside its picture: only our own outputs are touched. */
const OURS = 'application/vnd.builder.workflow.v1+json';
const LOST = 'Error displaying widget';

interface OutputArea {
  node: HTMLElement;
  widgets: readonly { node: HTMLElement }[];
  model: { get(index: number): { data: Record<string, unknown> } | undefined };
}

interface Notebook {
  content?: { widgets?: readonly { outputArea?: OutputArea }[] };
}

/** Watch the notebooks of an application. */
export function showSavedPictures(app: JupyterFrontEnd): void {
  let isAsked = false;
  const observer = new MutationObserver(() => {
    if (!isAsked) {
      isAsked = true;
      requestAnimationFrame(() => {
        isAsked = false;
        restore(app);
      });
    }
  });
  void app.restored.then(() => {
    observer.observe(document.body, { childList: true, subtree: true });
    restore(app);
  });
}

/** The canvases that stand in the place of pictures, by the outputs that they belong to. */
const revived = new Map<HTMLElement, Revived>();

function restore(app: JupyterFrontEnd): void {
  for (const [output, canvas] of revived) {
    if (dataOf(app, output) === null) {
      revived.delete(output); // the cell was run again, or its notebook closed; one out of view is still there
      canvas.dispose();
    }
  }
  const lost = [...document.querySelectorAll<HTMLElement>('.jp-OutputArea-output')].filter(
    output => !output.hidden && output.textContent.startsWith(LOST)
  );
  for (const output of lost) {
    const data = dataOf(app, output);
    const svg = data?.['image/svg+xml'];
    if (data && OURS in data && typeof svg === 'string') {
      output.hidden = true;
      const shown = figure(svg, data['text/plain']);
      output.after(shown);
      void offerLife(output, shown, data[OURS] as { name?: unknown });
    }
  }
}

/** The data of the output that an element shows. */
function dataOf(app: JupyterFrontEnd, output: HTMLElement): Record<string, unknown> | null {
  for (const widget of app.shell.widgets('main')) {
    for (const cell of (widget as unknown as Notebook).content?.widgets ?? []) {
      const area = cell.outputArea;
      if (area?.node.contains(output)) {
        const index = area.widgets.findIndex(child => child.node.contains(output));
        return area.model.get(index)?.data ?? null;
      }
    }
  }
  return null;
}

/** The picture as an image: nothing in it can run, and it follows the light or dark scheme. */
function figure(svg: string, words: unknown): HTMLElement {
  const source = `data:image/svg+xml;utf8,${encodeURIComponent(svg)}`;
  const alt = typeof words === 'string' ? words : 'A workflow';
  const image = element('img', '', { src: source, alt });
  const note = element('figcaption', '', {}, 'Saved picture. Run the cell for the live canvas.');
  return element('figure', 'jp-bj-saved', {}, image, note);
}

/** Offer to make a picture a canvas again, if the server has the workflow. */
async function offerLife(
  output: HTMLElement,
  shown: HTMLElement,
  { name }: { name?: unknown }
): Promise<void> {
  if (typeof name !== 'string' || !(await server.isThere)) {
    return;
  }
  const [known] = await server.workflows(name);
  if (!known) {
    return;
  }
  const title = 'Open as live canvas';
  const open = button(
    'jp-bj-push',
    title,
    () => {
      open.disabled = true;
      import('./revived')
        .then(({ revive }) => revive(known.id))
        .then(canvas => {
          shown.replaceWith(canvas.node);
          revived.set(output, canvas);
          canvas.focus();
        })
        .catch((error: unknown) => {
          open.disabled = false;
          const reason = error instanceof Error ? error.message : String(error);
          shown.querySelector('figcaption')?.replaceChildren(reason);
        });
    },
    drawing(icons.PLAY),
    title
  );
  shown.querySelector('figcaption')?.append(' ', open);
}
