/** The plugins: the canvas widget, the saved picture where there is no kernel, and the side bar. */
import { type ExportMap, IJupyterWidgetRegistry } from '@jupyter-widgets/base';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';

const PACKAGE = '@builder-jupyter/labextension';
const VERSION = '0.1.0';

const widget: JupyterFrontEndPlugin<void> = {
  id: '@builder-jupyter/labextension:canvas',
  description: 'The canvas of workflows as a widget.',
  autoStart: true,
  requires: [IJupyterWidgetRegistry],
  activate: (_app: JupyterFrontEnd, registry: IJupyterWidgetRegistry) => {
    registry.registerWidget({
      name: PACKAGE,
      version: VERSION,
      exports: async () => import('./widget') as unknown as Promise<ExportMap>
    });
  }
};

export default [widget];
