/** What a step displayed: MIME bundles, drawn by Jupyter's own renderers as output that nobody has vouched for. */
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import { element } from '../dom';
import { renderers } from '../page';

/** A MIME bundle: data by type. */
export type Bundle = Record<string, unknown>;

const IMAGES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

/** The outputs of one step. */
export class Displayed {
  readonly node = element('div', 'jp-bj-displayed');

  constructor() {
    this.node.hidden = true;
  }

  /** Show bundles, in order. */
  show(bundles: readonly Bundle[]): void {
    if (bundles === this.shown) {
      return;
    }
    this.shown = bundles;
    this.node.hidden = !bundles.length;
    this.node.replaceChildren(...bundles.map(drawn));
  }

  private shown: readonly Bundle[] | null = null;
}

/** A bundle on the page. Without Jupyter's renderers, which take scripts out of HTML, images and text alone. */
export function drawn(bundle: Bundle): HTMLElement {
  const registry = renderers.registry;
  const type = registry?.preferredMimeType(bundle as never, 'ensure');
  if (registry && type !== undefined) {
    return rendered(registry, bundle, type);
  }
  const image = IMAGES.find(one => typeof bundle[one] === 'string');
  if (image) {
    const alt = typeof bundle['text/plain'] === 'string' ? bundle['text/plain'] : 'Output';
    return element('img', '', { src: `data:${image};base64,${String(bundle[image])}`, alt });
  }
  const text = Object.entries(bundle).find(
    ([name, value]) =>
      typeof value === 'string' && !name.includes('html') && !name.includes('javascript')
  );
  return element('pre', '', {}, text ? String(text[1]) : 'An output that cannot be shown here.');
}

function rendered(registry: IRenderMimeRegistry, bundle: Bundle, type: string): HTMLElement {
  const renderer = registry.createRenderer(type);
  const model = registry.createModel({ data: bundle as never, trusted: false });
  renderer.renderModel(model).catch((error: unknown) => {
    renderer.node.textContent = `This output cannot be shown: ${String(error)}`;
  });
  const frame = element('div', 'jp-bj-output jp-RenderedHTMLCommon');
  frame.append(renderer.node);
  return frame;
}
