/** Whether another program has written a file that is open here. */
import type { DocumentRegistry } from '@jupyterlab/docregistry';

import type { Banner } from '../banner';

const EVERY_MS = 4000;

/** Looks at a file's date while its tab can be seen. What was not changed here is read again at once. */
export class FileWatch {
  constructor(
    private readonly context: DocumentRegistry.CodeContext,
    private readonly banner: Banner,
    private readonly lastModified: (path: string) => Promise<string>,
    private readonly isVisible: () => boolean
  ) {
    context.saveState.connect(this.onSave);
    this.timer = setInterval(() => void this.look(), EVERY_MS);
  }

  /** Look at once. */
  async look(): Promise<void> {
    const { context } = this;
    if (this.isBusy || !this.isVisible() || document.visibilityState !== 'visible') {
      return;
    }
    this.isBusy = true;
    try {
      const known = context.contentsModel?.last_modified;
      const now = await this.lastModified(context.path);
      // Saved or read meanwhile: the answer may be older than that.
      const isStale = this.isSaving || known !== context.contentsModel?.last_modified;
      if (!isStale && known !== undefined && now !== known && now !== this.passedOver) {
        await this.react(now);
      }
    } catch (error) {
      console.debug('the date of the file cannot be read just now', error);
    } finally {
      this.isBusy = false;
    }
  }

  /** Stop looking. */
  stop(): void {
    clearInterval(this.timer);
    this.context.saveState.disconnect(this.onSave);
  }

  private readonly timer: ReturnType<typeof setInterval>;
  private isBusy = false;
  private isSaving = false;
  /** The date of a change that was to be left alone. */
  private passedOver = '';

  private readonly onSave = (_: unknown, state: string): void => {
    this.isSaving = state === 'started';
    if (state === 'completed') {
      this.banner.clear('file');
    }
  };

  private async react(now: string): Promise<void> {
    const { context } = this;
    if (!context.model.dirty) {
      await context.revert();
      return;
    }
    this.passedOver = now;
    this.banner.say(
      'file',
      'Another program has changed this file since it was opened.',
      { label: 'Read it again', act: () => void context.revert() },
      { label: 'Keep what is here', act: () => undefined }
    );
  }
}
