/** Media of a step: which outputs carry files, and that the last results of a canvas have them. */
import { describe, expect, it } from 'vitest';

import { mediaOf } from '../src/inspector/media';
import { Run } from '../src/run';

const PICTURE = { type: 'image', value: { assetId: 'asset_1', mimeType: 'image/png' } };

describe('media of a step', () => {
  it('are the outputs that carry files', () => {
    const outputs = {
      'text-out': { type: 'text', value: 'x' },
      'image-out': PICTURE,
      odd: { type: 'image', value: 'x' },
      list: { type: 'audio', value: ['x'] }
    };
    expect(mediaOf(outputs)).toEqual([['image-out', PICTURE.value]]);
  });

  it('come with what Python says of a node', () => {
    const run = new Run('');
    const header = {
      ...{ id: '', status: 'completed' as const, createdAt: 0, startedAt: null },
      ...{ finishedAt: null, credits: 0, error: null, inputs: {}, steps: 1 }
    };
    run.merge(header as never, {
      paint: { status: 'completed', outputs: { 'image-out': PICTURE } }
    });
    expect(mediaOf(run.steps.get('paint')?.outputs ?? {})).toHaveLength(1);
  });
});
