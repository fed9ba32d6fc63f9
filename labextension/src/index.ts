/** The plugins: the canvas widget, the saved picture where there is no kernel, and the side bar. */
import { IJupyterWidgetRegistry } from '@jupyter-widgets/base';
import {
  ILabShell,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { LabIcon } from '@jupyterlab/ui-components';

import { FLOW } from './icons';
import { openAsCanvas } from './opening';
import { server } from './page';
import { showSavedPictures } from './picture';
import { WorkflowsBar } from './sidebar';

const PACKAGE = '@builder-jupyter/labextension';
const VERSION = '0.1.0';

const canvas: JupyterFrontEndPlugin<void> = {
  id: `${PACKAGE}:canvas`,
  description: 'The canvas of workflows as a widget.',
  autoStart: true,
  requires: [IJupyterWidgetRegistry],
  activate: (_app: JupyterFrontEnd, registry: IJupyterWidgetRegistry) => {
    registry.registerWidget({
      name: PACKAGE,
      version: VERSION,
      exports: async () => import('./widget')
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
  description: 'Saved workflows and their runs.',
  autoStart: true,
  requires: [ILabShell],
  activate: (app: JupyterFrontEnd) => {
    const bar = new WorkflowsBar(server, (id, name) => openAsCanvas(app, id, name));
    bar.title.icon = new LabIcon({ name: `${PACKAGE}:workflows`, svgstr: FLOW });
    app.shell.add(bar, 'left', { rank: 350 });
  }
};

export default [canvas, picture, sidebar];
