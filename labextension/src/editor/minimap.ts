/** The whole graph, small, with what is in view framed; press or drag to look elsewhere. */
import { CARD, HALF_H, HALF_W } from '../card';
import { element } from '../dom';
import type { Graph } from '../graph';
import type { Surface } from './surface';

const WIDTH = 168;
const HEIGHT = 104;
const PADDING = 6;
const SMALLEST = 8;
/** A graph that large cannot be seen at once: it gets its map without asking. */
const LARGE = 40;

/** The map of one graph. */
export class MiniMap {
  readonly node = element('canvas', 'jp-bj-map', {
    role: 'img',
    'aria-label': 'Map of the graph'
  });

  constructor(private readonly surface: Surface) {
    const { graph } = surface;
    this.graph = graph;
    const scale = Math.max(1, Math.ceil(devicePixelRatio || 1));
    for (const sheet of [this.node, this.sheet]) {
      sheet.width = WIDTH * scale;
      sheet.height = HEIGHT * scale;
    }
    this.scale = scale;
    this.node.hidden = graph.core.nodes().length < LARGE;
    graph.core.on('add remove position', 'node', this.onGraph);
    graph.core.on('groups', this.onGraph);
    graph.core.on('viewport', this.request);
    this.node.addEventListener('pointerdown', event => {
      event.preventDefault();
      event.stopPropagation();
      this.node.setPointerCapture(event.pointerId);
      this.goTo(event);
    });
    this.node.addEventListener('pointermove', event => {
      if (this.node.hasPointerCapture(event.pointerId)) {
        this.goTo(event);
      }
    });
    this.request();
  }

  /** Show or hide it. */
  toggle(): boolean {
    this.node.hidden = !this.node.hidden;
    this.isStale = true;
    this.request();
    return !this.node.hidden;
  }

  /** Let go of the graph. */
  dispose(): void {
    cancelAnimationFrame(this.frame);
    this.graph.core.off('add remove position', 'node', this.onGraph);
    this.graph.core.off('groups', this.onGraph);
    this.graph.core.off('viewport', this.request);
  }

  private readonly graph: Graph;
  private readonly sheet = element('canvas');
  private readonly scale: number;
  private isStale = true;
  private frame = 0;
  private box = { x: 0, y: 0, zoom: 1 };

  private readonly onGraph = (): void => {
    this.isStale = true;
    this.request();
  };

  private readonly request = (): void => {
    if (!this.node.hidden && !this.frame) {
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.draw();
      });
    }
  };

  private draw(): void {
    if (this.isStale) {
      this.isStale = false;
      this.drawGraph();
    }
    const pen = this.node.getContext('2d');
    if (!pen) {
      return;
    }
    const { core } = this.graph;
    const { x, y, zoom } = this.box;
    const view = core.extent();
    const style = getComputedStyle(this.node);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.node.width, this.node.height);
    pen.drawImage(this.sheet, 0, 0);
    pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    pen.strokeStyle = style.getPropertyValue('--jp-brand-color1').trim() || '#2563eb';
    pen.lineWidth = 1.5;
    const width = Math.max(SMALLEST, view.w * zoom); // a frame that can be seen, however little is in view
    const height = Math.max(SMALLEST, view.h * zoom);
    const middle = { x: (view.x1 + view.x2) / 2 - x, y: (view.y1 + view.y2) / 2 - y };
    pen.strokeRect(middle.x * zoom - width / 2, middle.y * zoom - height / 2, width, height);
  }

  private drawGraph(): void {
    const pen = this.sheet.getContext('2d');
    const nodes = this.graph.core.nodes().toArray();
    const places = nodes.map(node => node.position());
    const groups = this.graph.boxes();
    const low = { x: Infinity, y: Infinity };
    const high = { x: -Infinity, y: -Infinity };
    for (const { x, y } of places) {
      low.x = Math.min(low.x, x - HALF_W);
      low.y = Math.min(low.y, y - HALF_H);
      high.x = Math.max(high.x, x + HALF_W);
      high.y = Math.max(high.y, y + HALF_H);
    }
    for (const { x1, y1, x2, y2 } of groups) {
      low.x = Math.min(low.x, x1);
      low.y = Math.min(low.y, y1);
      high.x = Math.max(high.x, x2);
      high.y = Math.max(high.y, y2);
    }
    if (!pen || !places.length) {
      return;
    }
    const zoom = Math.min(
      (WIDTH - 2 * PADDING) / (high.x - low.x),
      (HEIGHT - 2 * PADDING) / (high.y - low.y)
    );
    this.box = {
      zoom,
      x: (low.x + high.x) / 2 - WIDTH / 2 / zoom,
      y: (low.y + high.y) / 2 - HEIGHT / 2 / zoom
    };
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.sheet.width, this.sheet.height);
    pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    pen.fillStyle = getComputedStyle(this.node).color;
    pen.globalAlpha = 0.16; // groups that lie in another are the darker
    for (const { x1, y1, x2, y2 } of groups) {
      const { x, y } = this.box;
      pen.fillRect((x1 - x) * zoom, (y1 - y) * zoom, (x2 - x1) * zoom, (y2 - y1) * zoom);
    }
    pen.globalAlpha = 1;
    nodes.forEach((node, index) => {
      const { x, y } = places[index] ?? { x: 0, y: 0 };
      pen.fillStyle = this.surface.colorOf(node);
      pen.fillRect(
        (x - HALF_W - this.box.x) * zoom,
        (y - HALF_H - this.box.y) * zoom,
        Math.max(1.5, CARD.width * zoom),
        Math.max(1.5, CARD.height * zoom)
      );
    });
  }

  private goTo(event: PointerEvent): void {
    const box = this.node.getBoundingClientRect();
    const { core } = this.graph;
    const x = (event.clientX - box.left) / this.box.zoom + this.box.x;
    const y = (event.clientY - box.top) / this.box.zoom + this.box.y;
    core.pan({
      x: core.width() / 2 - x * core.zoom(),
      y: core.height() / 2 - y * core.zoom()
    });
  }
}
