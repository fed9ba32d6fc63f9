import { Signal } from '@lumino/signaling';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Banner } from '../src/banner';
import { FileWatch } from '../src/documents/filewatch';

describe('a file that is open', () => {
  const context = {
    path: 'a.workflow.json',
    contentsModel: { last_modified: 'one' },
    model: { dirty: false },
    revert: vi.fn(() => Promise.resolve()),
    saveState: new Signal<object, string>({})
  };
  const onDisk = vi.fn<() => Promise<string>>();
  const banner = new Banner();
  const watch = () =>
    new FileWatch(context as unknown as DocumentRegistry.CodeContext, banner, onDisk, () => true);

  beforeEach(() => {
    vi.useFakeTimers();
    context.contentsModel = { last_modified: 'one' };
    context.model.dirty = false;
    context.revert.mockClear();
    banner.clear('file');
    onDisk.mockReset().mockResolvedValue('one');
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('is read again when another program has written it', async () => {
    const file = watch();
    await file.look();
    expect(context.revert).not.toHaveBeenCalled();
    onDisk.mockResolvedValue('two');
    await file.look();
    expect(context.revert).toHaveBeenCalledOnce();
    file.stop();
  });

  it('is asked about when there are changes here, once', async () => {
    const file = watch();
    context.model.dirty = true;
    onDisk.mockResolvedValue('two');
    await file.look();
    expect(banner.node.textContent).toContain('Another program has changed this file');
    banner.clear('file');
    await file.look();
    expect(banner.node.textContent).not.toContain('Another program');
    expect(context.revert).not.toHaveBeenCalled();
    file.stop();
  });

  it('is not taken for changed when it was saved here while the question was on its way', async () => {
    const file = watch();
    onDisk.mockImplementation(() => {
      context.contentsModel = { last_modified: 'two' };
      return Promise.resolve('one');
    });
    await file.look();
    expect(context.revert).not.toHaveBeenCalled();
    file.stop();
  });
});
