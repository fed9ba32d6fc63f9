/** How statuses look: colour, border and icon, so that none of the three has to be told apart alone. */
import type { ExecutionStatus, StepStatus } from './types';

/** One status. `icon` is a path around 0,0 in a circle of radius 10; the same as in the printed picture. */
export interface Mark {
  color: string;
  width: number;
  line: 'solid' | 'dashed' | 'dotted';
  icon: string;
}

/** By status of a step. */
export const MARKS: Record<StepStatus, Mark> = {
  pending: { color: '#7c8798', width: 1.5, line: 'dotted', icon: 'M0-3.6V0L2.6 1.8' },
  running: { color: '#2563eb', width: 2.5, line: 'solid', icon: 'M-2-3.6L3.6 0L-2 3.6Z' },
  streaming: {
    color: '#0e7490',
    width: 2.5,
    line: 'dashed',
    icon: 'M-4.5-1.6q2.25-3 4.5 0t4.5 0M-4.5 2.6q2.25-3 4.5 0t4.5 0'
  },
  waiting: { color: '#b45309', width: 2.5, line: 'dashed', icon: 'M-1.9-3.4V3.4M1.9-3.4V3.4' },
  completed: { color: '#15803d', width: 1.75, line: 'solid', icon: 'M-4 .4L-1.2 3.2L4.2-2.8' },
  error: { color: '#dc2626', width: 3, line: 'solid', icon: 'M-3.2-3.2L3.2 3.2M3.2-3.2L-3.2 3.2' },
  skipped: {
    color: '#7c8798',
    width: 1.5,
    line: 'dashed',
    icon: 'M-4-3L-.6 0L-4 3M.6-3L4 0L.6 3'
  }
};

/** The colours of what validation says; the panel beside the graph says it in words. */
export const FINDINGS = { error: '#dc2626', warning: '#d97706' };

const OF_EXECUTION: Record<ExecutionStatus, StepStatus> = {
  planning: 'pending',
  running: 'running',
  waiting: 'waiting',
  completed: 'completed',
  error: 'error',
  cancelled: 'skipped'
};

/** The mark of an execution's status. */
export function executionMark(status: ExecutionStatus): Mark {
  return MARKS[OF_EXECUTION[status]];
}

/** A round badge as SVG text. */
export function badge(mark: Mark, size = 20): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="-10 -10 20 20">` +
    `<circle r="10" fill="${mark.color}"/><path d="${mark.icon}" fill="none" stroke="#fff" ` +
    `stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round"/></svg>`
  );
}
