/**
 * The widget: ipycytoscape's own view and model, extended. Imported at run time from the running ipycytoscape
 * (module federation), so that a canvas is one of its widgets to whoever holds it.
 */
import type { JSONObject } from '@lumino/coreutils';
import { CytoscapeModel, CytoscapeView } from 'jupyter-cytoscape';

import { Banner } from './banner';
import { Controller } from './controller';
import type { Findings, NodeKind } from './editor/host';
import { CanvasFrame } from './frame';
import { type Answer, KernelHost } from './kernelhost';
import { KernelWatch, sayReach, type Watched } from './kernelwatch';
import { server, watch } from './page';
import { type Doc, type Header, isDone, type NodeStatus } from './types';

type Statuses = Record<string, NodeStatus>;

/** The model: the graph, how its nodes stand, and one controller for all its views. */
export class CanvasModel extends CytoscapeModel {
  override initialize(attributes: unknown, options: unknown): void {
    super.initialize(attributes, options);
    const worker = (): string => (this.get('worker') as string | undefined) ?? '';
    const { kernel } = this.widget_manager as { kernel?: Watched | null };
    this.kernel = new KernelWatch(kernel ?? null, () => this.comm_live);
    this.controller = new Controller(
      server,
      watch,
      {
        ownsRuns: this.get('runs_in') === 'kernel',
        get worker() {
          return worker();
        },
        send: message => {
          this.send(message as JSONObject, {});
        },
        announce: (workflowId, executionId) => {
          this.mention({ do: 'follow', workflow: workflowId, execution: executionId });
        },
        saved: workflowId => {
          this.mention({ do: 'saved', workflow: workflowId });
        },
        estimate: trigger => this.edits.estimate(trigger)
      },
      this.doc
    );
    this.edits = new KernelHost({
      isLive: () => this.kernel.reach !== 'gone',
      send: message => {
        this.send(message as JSONObject, {});
      },
      settled: () => this.state_change,
      catalogue: () => this.get('catalogue') as NodeKind[],
      findings: () => {
        const findings = this.get('findings') as Partial<Findings>;
        return findings.errors ? (findings as Findings) : null;
      }
    });
    this.on('change:catalogue change:findings', () => {
      this.edits.changed.emit();
    });
    this.on('comm_live_update', this.kernel.look);
    this.kernel.changed.connect((_, reach) => {
      if (reach === 'gone') {
        this.edits.close();
      } else {
        this.edits.changed.emit();
      }
    });
    this.on('change:doc', () => {
      this.controller.setDoc(this.doc);
    });
    // One message brings several of these: take them in together.
    this.on('change', () => {
      if (['header', 'statuses', 'texts'].some(name => this.hasChanged(name))) {
        this.hear();
      }
    });
    this.on('msg:custom', (message: Answer) => {
      if (!this.edits.hear(message) && message.failed !== undefined && !message.token) {
        this.controller.fail(message.failed);
      }
    });
    this.hear();
  }

  // Declared, not initialised: they are made by `initialize`, which runs before fields are.
  declare controller: Controller;
  declare edits: KernelHost;
  declare kernel: KernelWatch;

  /** The graph as Python sent it last. */
  get doc(): Doc {
    return this.get('doc') as Doc;
  }

  override close(commClosed?: boolean): Promise<void> {
    this.controller.dispose();
    this.kernel.dispose();
    this.edits.close();
    return super.close(commClosed);
  }

  /** Send what a kernel that is gone need not know. */
  private mention(message: JSONObject): void {
    if (this.kernel.reach !== 'gone') {
      this.send(message, {});
    }
  }

  private hear(): void {
    this.controller.hear(
      this.get('header') as Partial<Header>,
      withTexts(this.get('statuses') as Statuses, this.get('texts') as Record<string, string>)
    );
  }
}

/** One view of a canvas: toolbar, graph and pane in the element that the notebook gives. */
export class CanvasView extends CytoscapeView {
  declare model: CanvasModel;
  frame: CanvasFrame | null = null;

  override render(): void {
    super.render();
    this.el.classList.remove('custom-widget');
    this.el.classList.add('jp-bj-canvas');
    void this.displayed.then(() => {
      this.cytoscape_obj?.autolock(false); // after ipycytoscape's own: see init_render
    });
    this.listenTo(this.model, 'change:doc', () => {
      this.frame?.setDoc(this.model.doc);
    });
    this.listenTo(this.model, 'change:selected', () => {
      this.showSelected();
    });
  }

  /** Make the core in our own frame; ipycytoscape goes on to use it as its own. */
  override init_render(): void {
    if (this.frame) {
      return;
    }
    const option = (name: string): unknown => this.model.get(name);
    const { controller, doc, edits } = this.model;
    const settings = {
      minZoom: option('min_zoom') as number,
      maxZoom: option('max_zoom') as number,
      panningEnabled: option('panning_enabled') as boolean,
      userPanningEnabled: option('user_panning_enabled') as boolean,
      boxSelectionEnabled: option('box_selection_enabled') as boolean,
      selectionType: option('selection_type') as 'single' | 'additive',
      autoungrabify: option('auto_ungrabify') as boolean
    };
    this.frame = new CanvasFrame(this.el, controller, doc, settings, edits);
    this.frame.onSelect = id => {
      if ((this.model.get('selected') as string) !== (id ?? '')) {
        this.model.set('selected', id ?? '');
        this.touch();
      }
    };
    const banner = new Banner();
    this.el.prepend(banner.node);
    this.unsay = sayReach(this.model.kernel, banner, controller.isKernels);
    Object.assign(this.el, { view: this });
    this.showSelected();
    this.frame.zoomsOnWheel = () => option('user_zooming_enabled') as boolean;
    this.cytoscape_obj = this.frame.graph.core;
    this.is_rendered = true;
    // ipycytoscape now lays the graph out. Where that leaves all nodes in their places, it would still tell of each that
    // it has moved, and everything would be computed once more; locked nodes are passed over.
    this.cytoscape_obj.autolock(this.layoutName === 'preset');
    this.listenForUserEvents();
  }

  /** Nothing is drawn anew when a setting changes. */
  override value_changed(): void {
    return;
  }

  /** The graph comes as `doc`; the list of element widgets stays empty. */
  override _updateViewLists(): void {
    return;
  }

  /** The frame keeps what is shown where it is when its room changes. */
  override _resize(): void {
    return;
  }

  /** Our own style follows theme and status; `cytoscape_style` is not used. */
  override _updateStyle(): void {
    return;
  }

  /** Python places the nodes; an explicit layout still runs. */
  override _updateLayout(): void {
    if (this.layoutName !== 'preset') {
      super._updateLayout();
    }
  }

  /** Send the events that Python listens to, those added after display too. */
  override listenForUserEvents(): void {
    const wanted = (this.model.get('_interaction_handlers') ?? {}) as Record<string, string[]>;
    for (const [kind, events] of Object.entries(wanted)) {
      for (const name of events) {
        if (!this.sent.has(`${kind} ${name}`)) {
          this.sent.add(`${kind} ${name}`);
          this.cytoscape_obj?.on(name, kind, event => {
            this.send({
              event: name,
              widget: kind,
              data: (event.target as { json(): unknown }).json()
            });
          });
        }
      }
    }
  }

  override remove(): unknown {
    this.unsay();
    this.frame?.dispose();
    this.frame = null;
    return super.remove();
  }

  private unsay: () => void = () => undefined;
  private readonly sent = new Set<string>();

  private get layoutName(): string {
    return (this.model.get('cytoscape_layout') as { name: string }).name;
  }

  private showSelected(): void {
    const id = (this.model.get('selected') as string) || null;
    if (this.frame && this.frame.graph.selected !== id) {
      this.frame.graph.select(id);
    }
  }
}

/** Statuses with the whole texts of the nodes that are done, which come apart: they do not change any more. */
function withTexts(statuses: Statuses, texts: Record<string, string>): Statuses {
  return Object.fromEntries(
    Object.entries(statuses).map(([id, status]) => {
      const text = isDone(status.status) ? texts[id] : undefined;
      return [id, text === undefined ? status : { ...status, text, offset: 0 }];
    })
  );
}
