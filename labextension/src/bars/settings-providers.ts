/** Providers: connect one with a credential of the workspace's own, say whose is used, revoke it. Secrets only go in. */
import { element, setText } from '../dom';
import { action, announce } from './pieces';
import { type Row, Rows } from './rows';
import { choiceField, formOf, Section, textField } from './section';
import {
  factsOfProvider,
  MODES,
  type Provider,
  type ProviderConnection,
  type ProviderRow,
  rowsOf,
  type SettingsApi
} from './settings-data';

const PROVIDERS = 'api/integrations/providers';
const CONNECTIONS = 'api/integrations/provider-connections';

/** The providers that a workspace can connect. */
export class ProvidersSection extends Section {
  constructor(private readonly api: SettingsApi) {
    super('Providers');
    this.body.append(this.problem, this.rows.node);
  }

  override async load(): Promise<void> {
    const [providers, connections] = await Promise.all([
      this.api.get<{ providers: Provider[] }>(PROVIDERS),
      this.api.get<{ connections: ProviderConnection[] }>(CONNECTIONS)
    ]);
    this.found = rowsOf(providers.providers, connections.connections);
  }

  override draw(): void {
    this.rows.show(this.found);
  }

  private found: ProviderRow[] = [];
  private readonly rows = new Rows<ProviderRow, OneProvider>(
    'Providers',
    one => one.provider,
    one =>
      new OneProvider(one, {
        connect: (row, name, payload) => this.change(() => this.connect(row, name, payload)),
        route: (row, mode) => this.change(() => this.route(row, mode)),
        revoke: row => this.change(() => this.revoke(row))
      })
  );

  /** Do it and show how things stand; says whether it went well. */
  private async change(run: () => Promise<void>): Promise<boolean> {
    let isDone = false;
    await this.attempt(async () => {
      await run();
      isDone = true;
      await this.load();
      this.draw();
    });
    return isDone;
  }

  private async connect(
    row: ProviderRow,
    displayName: string,
    credentialPayload: Record<string, string>
  ): Promise<void> {
    const workspaceId = this.api.workspace || 'default';
    const { provider } = row;
    const body = { workspaceId, provider, displayName, credentialPayload };
    await this.api.send('POST', CONNECTIONS, body);
    announce(`${row.title} is connected`);
  }

  private async route(row: ProviderRow, mode: string): Promise<void> {
    await this.api.send('PUT', `${PROVIDERS}/${encodeURIComponent(row.provider)}`, { mode });
  }

  private async revoke(row: ProviderRow): Promise<void> {
    const id = encodeURIComponent(row.connection?.connectionId ?? '');
    await this.api.send('DELETE', `${CONNECTIONS}/${id}`);
    announce(`The connection to ${row.title} was revoked`);
  }
}

interface Deeds {
  connect(row: ProviderRow, name: string, payload: Record<string, string>): Promise<boolean>;
  route(row: ProviderRow, mode: string): Promise<boolean>;
  revoke(row: ProviderRow): Promise<boolean>;
}

/** One provider. */
class OneProvider implements Row<ProviderRow> {
  readonly node = element('li', 'jp-bj-barrow jp-bj-setting');

  constructor(
    private row: ProviderRow,
    private readonly deeds: Deeds
  ) {
    this.mode = choiceField('Use', MODES, row.mode);
    this.mode.select.setAttribute('aria-label', `Whose credential is used for ${row.title}`);
    this.mode.select.addEventListener('change', () => {
      void this.deeds.route(this.row, this.mode.select.value);
    });
    this.node.append(
      element('div', 'jp-bj-name', {}, row.title),
      this.opener,
      this.about,
      this.mode.node,
      this.below
    );
  }

  update(row: ProviderRow): void {
    this.row = row;
    setText(this.about, factsOfProvider(row));
    setText(this.opener, row.connection ? 'Change…' : 'Connect…');
    this.opener.title = `${row.connection ? 'Change' : 'Connect'} ${row.title}`;
    if (document.activeElement !== this.mode.select) {
      this.mode.select.value = row.mode;
    }
  }

  private readonly mode: ReturnType<typeof choiceField>;
  private readonly about = element('div', 'jp-bj-note jp-bj-wide');
  private readonly below = element('div', 'jp-bj-below');
  private readonly opener = action('Connect…', '', () => {
    this.ask();
  });

  private ask(): void {
    const name = textField('Name', {
      maxlength: '100',
      value: this.row.connection?.displayName ?? this.row.title
    });
    const fields = this.row.fields.map(field => ({
      field,
      ...textField(field.required ? field.title : `${field.title} (may be left out)`, {
        type: field.secret ? 'password' : 'text',
        autocomplete: field.secret ? 'new-password' : 'off'
      })
    }));
    const send = () => {
      const filled = fields.filter(one => one.input.value.trim() !== '');
      const payload = Object.fromEntries(filled.map(one => [one.field.name, one.input.value]));
      void this.deeds.connect(this.row, name.input.value, payload).then(isDone => {
        if (isDone) {
          this.close();
        }
      });
    };
    const save = action('Save', 'Keep this credential, encrypted', () => undefined, 'main');
    save.type = 'submit';
    const buttons = [
      save,
      action('Cancel', 'Change nothing', () => {
        this.close();
      })
    ];
    if (this.row.connection) {
      buttons.push(
        action(
          'Revoke',
          `Forget the credential for ${this.row.title}`,
          () => {
            void this.deeds.revoke(this.row).then(isDone => {
              if (isDone) {
                this.close();
              }
            });
          },
          'danger'
        )
      );
    }
    const form = formOf(
      `Connect ${this.row.title}`,
      send,
      name.node,
      ...fields.map(one => one.node),
      element('div', 'jp-bj-actions', {}, ...buttons)
    );
    this.below.replaceChildren(form);
    (fields[0]?.input ?? name.input).focus();
  }

  private close(): void {
    this.below.replaceChildren();
    this.opener.focus();
  }
}
