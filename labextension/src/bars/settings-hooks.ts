/** Webhooks: which triggers of which workflows have an address. Their secrets are shown where they are made. */
import { element, setText } from '../dom';
import { type Row, Rows } from './rows';
import { Section } from './section';
import type { Hook, SettingsApi } from './settings-data';

/** The endpoints of triggers; nothing is shown where there are none. */
export class HooksSection extends Section {
  constructor(private readonly api: SettingsApi) {
    super('Webhooks');
    this.body.append(this.rows.node);
  }

  override async load(): Promise<void> {
    const found = await this.api.find<{ webhooks: Hook[] }>('api/builder/webhooks');
    this.hooks = found?.webhooks ?? [];
  }

  override draw(): void {
    this.node.hidden = !this.hooks.length;
    this.rows.show(this.hooks);
  }

  private hooks: Hook[] = [];
  private readonly rows = new Rows<Hook, HookRow>(
    'Webhooks',
    one => `${one.canvasId}/${one.triggerNodeId}`,
    () => new HookRow()
  );
}

class HookRow implements Row<Hook> {
  readonly node = element('li', 'jp-bj-barrow jp-bj-setting');

  constructor() {
    this.node.append(this.name, this.about);
  }

  update(hook: Hook): void {
    setText(this.name, `${hook.triggerNodeId} of ${hook.canvasId}`);
    setText(this.about, hook.webhookUrl);
  }

  private readonly name = element('div', 'jp-bj-name');
  private readonly about = element('div', 'jp-bj-note jp-bj-scopes');
}
