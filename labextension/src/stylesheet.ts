/** The look of the graph: cards, edges, selection, and one border for each status. */
import type { EdgeSingular, StylesheetJson } from 'cytoscape';

import { CARD, MARGIN } from './card';
import type { Curve } from './curves';
import { FINDINGS, MARKS } from './marks';
import { lineColor, type Theme } from './theme';

/**
 * Cytoscape's stylesheet in the colours of a theme. In a plain one only what has the class `near` is drawn by it in
 * full: of the rest cytoscape has to know the size, so that it can be hit, and `far.ts` draws it. What is cytoscape's
 * own default is not said again: each property costs time for each element.
 */
export function stylesheet(theme: Theme, isPlain = false): StylesheetJson {
  const full = isPlain ? '.near' : '';
  const line = lineColor(theme);
  const curve = (edge: EdgeSingular) => edge.data('curve') as Curve;
  return [
    {
      selector: 'node',
      style: {
        shape: 'round-rectangle',
        width: CARD.width,
        height: CARD.height
      }
    },
    {
      selector: `node${full}`,
      style: {
        'background-color': theme.card,
        'corner-radius': String(CARD.radius),
        'border-width': 1,
        'border-color': theme.line,
        'background-image': 'data(art)',
        'background-width': CARD.width + 2 * MARGIN,
        'background-height': CARD.height + 2 * MARGIN,
        'background-position-x': -MARGIN,
        'background-position-y': -MARGIN,
        'background-clip': 'none',
        'background-image-containment': 'over',
        'bounds-expansion': [MARGIN],
        label: 'data(label)',
        color: theme.text,
        'font-family': theme.font,
        'font-size': 13,
        'font-weight': 600,
        'text-wrap': 'ellipsis',
        'text-max-width': '116px',
        'text-halign': 'right',
        'text-valign': 'center',
        'text-margin-x': 54 - CARD.width,
        'text-margin-y': -8,
        'min-zoomed-font-size': 5
      }
    },
    { selector: `node${full}[?alone]`, style: { 'text-margin-y': 0 } },
    {
      selector: `edge${full}`,
      style: {
        width: 1.6,
        'line-color': line,
        'target-arrow-color': line,
        'target-arrow-shape': 'triangle',
        'arrow-scale': 0.9,
        'curve-style': 'unbundled-bezier',
        'edge-distances': 'endpoints',
        'source-endpoint': (edge: EdgeSingular) => curve(edge).from,
        'target-endpoint': (edge: EdgeSingular) => curve(edge).to,
        'control-point-weights': (edge: EdgeSingular) => curve(edge).weights,
        'control-point-distances': (edge: EdgeSingular) => curve(edge).distances
      }
    },
    {
      selector: `edge${full}[?label]`,
      style: {
        label: 'data(label)',
        color: theme.text,
        'font-family': theme.font,
        'font-size': 11,
        'text-background-color': theme.card,
        'text-background-opacity': 1,
        'text-background-shape': 'round-rectangle',
        'text-background-padding': '4px',
        'text-border-color': theme.line,
        'text-border-width': 1,
        'text-border-opacity': 1,
        'min-zoomed-font-size': 5
      }
    },
    // Under the border of a status, which says what happened; this says what is wrong with the drawing.
    ...Object.entries(FINDINGS).map(([severity, color]) => ({
      selector: `node.has-${severity}`,
      style: {
        'outline-color': color,
        'outline-width': 2.5,
        'outline-offset': 3,
        'outline-style': 'dashed'
      }
    })),
    ...Object.entries(MARKS).map(([status, mark]) => ({
      selector: `node${full}.is-${status}`,
      style: {
        'border-color': mark.color,
        'border-width': mark.width,
        'border-style': mark.line
      }
    })),
    { selector: `node${full}.is-skipped`, style: { color: theme.dim } },
    {
      selector: `edge${full}.walked`,
      style: {
        width: 2.4,
        'line-color': MARKS.completed.color,
        'target-arrow-color': MARKS.completed.color
      }
    },
    { selector: `edge${full}.dead`, style: { opacity: 0.4, 'line-style': 'dashed' } },
    {
      selector: 'node:selected',
      style: {
        'underlay-color': theme.accent,
        'underlay-opacity': 0.25,
        'underlay-padding': 7,
        'underlay-shape': 'round-rectangle'
      }
    },
    {
      selector: 'edge:selected',
      style: { width: 3, 'line-color': theme.accent, 'target-arrow-color': theme.accent }
    },
    { selector: 'edge.unsure', style: { 'line-style': 'dashed', opacity: 0.7 } },
    {
      selector: 'node.aim',
      style: { 'border-color': theme.accent, 'border-width': 3, 'border-style': 'solid' }
    },
    {
      selector: 'node.barred',
      style: { 'border-color': MARKS.error.color, 'border-width': 3, 'border-style': 'dashed' }
    },
    { selector: ':active', style: { 'overlay-opacity': 0 } },
    { selector: 'core', style: { 'active-bg-opacity': 0, 'selection-box-color': theme.accent } }
  ] as unknown as StylesheetJson;
}
