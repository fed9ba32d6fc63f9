/** Pictures, films and sounds that a step has made, shown where the rest of it is. */
import { element, setText } from '../dom';
import type { PortValue } from '../types';

/** What a port that carries media holds. */
export interface MediaValue {
  url?: string;
  mimeType?: string;
  assetId?: string;
}

/** Fetches a file that the server keeps. */
export type Load = (assetId: string) => Promise<Blob>;

const KINDS = new Set(['image', 'video', 'audio', 'media']);

/** The media among the outputs of a step, by port. */
export function mediaOf(outputs: Record<string, PortValue>): [string, MediaValue][] {
  return Object.entries(outputs)
    .filter(([, output]) => KINDS.has(output.type) && isObject(output.value))
    .map(([port, output]) => [port, output.value as MediaValue]);
}

/** The files of one step. What is not an asset of this server is named and not fetched: its address may be anybody's. */
export class MediaView {
  readonly node = element('div', 'jp-bj-media');

  constructor(private readonly load: Load) {
    this.node.hidden = true;
  }

  /** Show what a step has made; `alt` says in words what it is of. */
  show(outputs: Record<string, PortValue>, alt: string): void {
    const found = mediaOf(outputs);
    const key = JSON.stringify([alt, found]);
    if (key === this.shown) {
      return;
    }
    this.shown = key;
    this.release();
    this.node.hidden = !found.length;
    this.node.replaceChildren(...found.map(([port, value]) => this.figure(port, value, alt)));
  }

  /** Let go of the files. */
  release(): void {
    this.urls.forEach(url => {
      URL.revokeObjectURL(url);
    });
    this.urls = [];
  }

  private shown = '[]';
  private urls: string[] = [];

  private figure(port: string, value: MediaValue, alt: string): HTMLElement {
    const caption = element('figcaption', '', {}, `${port} · ${value.mimeType ?? 'unknown type'}`);
    const figure = element('figure', 'jp-bj-figure', {}, caption);
    const { assetId, mimeType = '' } = value;
    if (assetId === undefined) {
      setText(caption, `${port}: ${value.url?.slice(0, 200) ?? 'no file'}`);
      return figure;
    }
    const key = this.shown;
    this.load(assetId).then(
      file => {
        if (key !== this.shown) {
          return; // somebody looks at another step by now
        }
        const url = URL.createObjectURL(new Blob([file], { type: mimeType }));
        this.urls.push(url);
        figure.prepend(player(mimeType, url, alt));
      },
      (error: unknown) => {
        setText(
          caption,
          `${port} cannot be shown: ${error instanceof Error ? error.message : String(error)}`
        );
      }
    );
    return figure;
  }
}

/** What shows or plays a file. Scripts in a picture never run: an `img` gives them no page. */
function player(mimeType: string, src: string, alt: string): HTMLElement {
  if (mimeType.startsWith('audio/')) {
    return element('audio', '', { src, controls: '', 'aria-label': alt });
  }
  if (mimeType.startsWith('video/')) {
    return element('video', '', { src, controls: '', 'aria-label': alt });
  }
  return element('img', '', { src, alt });
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
