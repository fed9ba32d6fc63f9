/** What the running ipycytoscape provides; its npm package need not be installed. */
declare module 'jupyter-cytoscape' {
  import type { Core } from 'cytoscape';
  import { DOMWidgetModel, DOMWidgetView } from '@jupyter-widgets/base';

  export class CytoscapeModel extends DOMWidgetModel {
    override initialize(attributes: unknown, options: unknown): void;
  }

  export class CytoscapeView extends DOMWidgetView {
    cytoscape_obj: Core | undefined;
    is_rendered: boolean;
    override render(): void;
    init_render(): void;
    value_changed(): void;
    listenForUserEvents(): void;
    _updateViewLists(): void;
    _updateStyle(): void;
    _updateLayout(): void;
    _resize(): void;
  }
}
