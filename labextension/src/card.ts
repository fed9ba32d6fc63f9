/**
 * What is painted on a node beside its name: the icon of its type, a caption, the badge of its status. One picture for
 * each type, status and theme, shared by all nodes, so that thousands of them cost a handful of images.
 */
import { MARKS } from './marks';
import { type Socket, SOCKET, socketColor } from './sockets';
import type { Theme } from './theme';
import type { Look, StepStatus } from './types';

/** The size of a card; the same as in the printed picture. */
export const CARD = { width: 180, height: 60, radius: 12 } as const;
export const HALF_W = CARD.width / 2;
export const HALF_H = CARD.height / 2;

/** Room around the card for the badge on its corner. */
export const MARGIN = 14;

const UNKNOWN: Omit<Look, 'title'> = { color: '#6b7280', icon: '●', credits: 0 };
const HEX = /^#[0-9a-f]{6}$/i;

/** The look of a type; a grey one under its own name when nobody knows it. */
export function lookOf(looks: Record<string, Look>, type: string): Look {
  return looks[type] ?? { ...UNKNOWN, title: type };
}

/** The caption of a card: its type's name unless that is the node's own, and its status. */
export function captionOf(label: string, look: Look, status: StepStatus | null): string {
  const title = look.title.toLowerCase() === label.toLowerCase() ? '' : look.title;
  return [title, status ?? ''].filter(Boolean).join(' · ');
}

/** The ink that is legible on a colour. */
export function inkOn(color: string): string {
  const [red, green, blue] = [1, 3, 5].map(at => Number.parseInt(color.slice(at, at + 2), 16));
  return 0.299 * (red ?? 0) + 0.587 * (green ?? 0) + 0.114 * (blue ?? 0) > 160
    ? '#1f2937'
    : '#ffffff';
}

/** The tile with a type's icon, as SVG text; also used outside the graph. */
export function tile(look: Look, size = 32): string {
  const color = HEX.test(look.color) ? look.color : UNKNOWN.color;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 32 32">` +
    `${tileBody(color, look.icon)}</svg>`
  );
}

/** The art of a card as a data URL. */
export function cardArt(
  look: Look,
  caption: string,
  status: StepStatus | null,
  theme: Theme,
  sockets: Socket[] = []
): string {
  const dots = sockets.map(dot => `${dot.side}${dot.y.toFixed(1)}${dot.type ?? ''}`);
  const key = [
    look.color,
    look.icon,
    caption,
    status,
    theme.dim,
    theme.card,
    theme.font,
    dots
  ].join('|');
  let url = made.get(key);
  if (url === undefined) {
    url = `data:image/svg+xml;utf8,${encodeURIComponent(draw(look, caption, status, theme, sockets))}`;
    if (made.size > 2000) {
      made.clear();
    }
    made.set(key, url);
  }
  return url;
}

const made = new Map<string, string>();

function draw(
  look: Look,
  caption: string,
  status: StepStatus | null,
  theme: Theme,
  sockets: Socket[]
): string {
  const width = CARD.width + 2 * MARGIN;
  const height = CARD.height + 2 * MARGIN;
  const color = HEX.test(look.color) ? look.color : UNKNOWN.color;
  const mark = status && MARKS[status];
  const badge = mark
    ? `<g transform="translate(172 4)"><circle r="12" fill="${escape(theme.card)}"/>` +
      `<circle r="10" fill="${mark.color}"/><path d="${mark.icon}" fill="none" stroke="#fff" ` +
      `stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round"/></g>`
    : '';
  const words = caption
    ? `<text x="54" y="44" font-size="11" fill="${escape(theme.dim)}">${escape(shorten(caption))}</text>`
    : '';
  const faded = status === 'skipped' ? ' opacity=".6"' : '';
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="${-MARGIN} ${-MARGIN} ${width} ${height}" font-family="${escape(theme.font)}">` +
    `<g${faded}><g transform="translate(12 14)">${tileBody(color, look.icon)}</g>${words}</g>` +
    `${sockets.map(one => dotOf(one, theme)).join('')}${badge}</svg>`
  );
}

function dotOf(socket: Socket, theme: Theme): string {
  const x = socket.side === 'in' ? 0 : CARD.width;
  const y = CARD.height / 2 + socket.y;
  return (
    `<circle cx="${x}" cy="${y.toFixed(1)}" r="${SOCKET - 0.75}" fill="${escape(theme.card)}" ` +
    `stroke="${escape(socketColor(socket, theme.dim))}" stroke-width="2"/>`
  );
}

function tileBody(color: string, icon: string): string {
  return (
    `<rect width="32" height="32" rx="9" fill="${color}"/>` +
    `<text x="16" y="21.6" font-size="16" text-anchor="middle" fill="${inkOn(color)}" ` +
    `font-family="system-ui, sans-serif">${escape(icon.slice(0, 2))}</text>`
  );
}

function shorten(text: string): string {
  return text.length > 22 ? `${text.slice(0, 21)}…` : text;
}

function escape(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;'
  };
  return text.replace(/[&<>"]/g, char => entities[char] ?? char);
}
