/** The plugins: the canvas widget, the saved picture where there is no kernel, the side bars, and workflow files. */
import { IJupyterWidgetRegistry } from '@jupyter-widgets/base';
import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import { addSideBars } from './bars';
import { addCommands, addDocuments } from './documents/plugin';
import { renderers } from './page';
import { showSavedPictures } from './picture';

const PACKAGE = '@builder-jupyter/labextension';
const VERSION = '0.1.0';

/** How long the page may be busy before the canvas is loaded all the same. */
const PATIENCE_MS = 5000;

const canvas: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:canvas`,
  description: 'The canvas of workflows as a widget.',
  autoStart: true,
  requires: [IJupyterWidgetRegistry],
  optional: [IRenderMimeRegistry],
  activate: (
    app: JupyterFrontEnd,
    registry: IJupyterWidgetRegistry,
    rendermime: IRenderMimeRegistry | null
  ) => {
    renderers.registry = rendermime;
    const load = async () => import('./widget');
    registry.registerWidget({ name: PACKAGE, version: VERSION, exports: load });
    void app.restored.then(() => {
      whenIdle(() => {
        load().catch((error: unknown) => {
          console.debug('the canvas cannot be loaded yet', error); // whoever shows one will hear why
        });
      });
    });
  }
};

const picture: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:picture`,
  description: 'The saved picture of a canvas that has no kernel.',
  autoStart: true,
  activate: showSavedPictures
};

const sidebar: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:sidebar`,
  description: 'Saved workflows, their runs, and the questions they ask.',
  autoStart: true,
  requires: [ILabShell],
  activate: (app: JupyterFrontEnd) => {
    addSideBars(app, PACKAGE);
  }
};

const documents: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:documents`,
  description: 'Workflow files in an editor that needs no kernel.',
  autoStart: true,
  optional: [ILayoutRestorer],
  activate: addDocuments
};

const commands: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:document-commands`,
  description: 'Commands that make workflow files.',
  autoStart: true,
  optional: [ILauncher, ICommandPalette],
  activate: addCommands
};

/** Call back when the page has nothing else to do. */
function whenIdle(call: () => void): void {
  if ('requestIdleCallback' in window) {
    window.requestIdleCallback(call, { timeout: PATIENCE_MS });
  } else {
    setTimeout(call, PATIENCE_MS); // Safari
  }
}

export default [canvas, picture, sidebar, documents, commands];
