/** Keys: make one, see it once, revoke it. */
import { element, OWN_KEYS, setText } from '../dom';
import { action, announce } from './pieces';
import { type Row, Rows } from './rows';
import { choiceField, formOf, Section, textField } from './section';
import {
  expiry,
  factsOfKey,
  goodKeys,
  type KeyShown,
  LIVES,
  SCOPES,
  type SettingsApi,
  USUAL_SCOPES
} from './settings-data';

const PATH = 'api/builder/keys';

/** The workspace's keys. */
export class KeysSection extends Section {
  constructor(private readonly api: SettingsApi) {
    super('API keys', true);
    this.body.append(
      this.opener,
      this.asking,
      this.secret,
      this.problem,
      this.note,
      this.rows.node
    );
    this.asking.hidden = true;
  }

  override async load(): Promise<void> {
    const answer = await this.api.get<{ keys: KeyShown[] }>(PATH);
    this.keys = answer.keys;
  }

  override draw(): void {
    const good = goodKeys(this.keys, Date.now());
    this.note.hidden = good.length > 0;
    this.rows.show(good);
  }

  /** Forget a secret that is shown: another workspace is. */
  reset(): void {
    this.secret.replaceChildren();
    this.problem.replaceChildren();
    this.close();
  }

  private keys: KeyShown[] = [];
  private readonly note = element('div', 'jp-bj-note', {}, 'There are no keys that are good.');
  private readonly secret = element('div', 'jp-bj-below');
  private readonly opener = action('New key…', 'Make an API key', () => {
    this.asking.hidden = false;
    this.opener.hidden = true;
    this.name.input.focus();
  });
  private readonly name = textField('Name', { maxlength: '255', required: '' });
  private readonly life = choiceField('Good for', LIVES, 90);
  private readonly ticks = SCOPES.map(([scope, allows]) => {
    const box = element('input', '', { ...OWN_KEYS, type: 'checkbox', value: scope });
    box.checked = USUAL_SCOPES.includes(scope);
    return { box, node: element('label', 'jp-bj-tick', { title: scope }, box, allows) };
  });
  private readonly asking = this.form();
  private readonly rows = new Rows<KeyShown, KeyRow>(
    'API keys',
    key => key.id,
    key => new KeyRow(key, () => void this.attempt(() => this.revoke(key)))
  );

  private form(): HTMLFormElement {
    const make = action('Make key', 'Make this key; it is shown once', () => undefined, 'main');
    make.type = 'submit';
    const cancel = action('Cancel', 'Make no key', () => {
      this.close();
      this.opener.focus();
    });
    const scopes = element('fieldset', 'jp-bj-marks', {}, element('legend', '', {}, 'It may'));
    scopes.append(...this.ticks.map(tick => tick.node));
    return formOf(
      'New key',
      () => void this.attempt(() => this.make()),
      this.name.node,
      scopes,
      this.life.node,
      element('div', 'jp-bj-actions', {}, make, cancel)
    );
  }

  private close(): void {
    this.asking.hidden = true;
    this.opener.hidden = false;
    this.name.input.value = '';
  }

  private async make(): Promise<void> {
    const scopes = this.ticks.filter(tick => tick.box.checked).map(tick => tick.box.value);
    const until = expiry(Number(this.life.select.value), Date.now());
    const made = await this.api.send<KeyShown & { key: string }>('POST', PATH, {
      ...{ name: this.name.input.value, scopes },
      ...(until === undefined ? {} : { expires_at: until })
    });
    this.close();
    this.showOnce(made.name, made.key);
    await this.load();
    this.draw();
  }

  /** Show a key: it is in this box and nowhere else, and gone with it. */
  private showOnce(name: string, key: string): void {
    const { node, input } = textField(`${name}: copy it now, nobody can read it again`, {
      readonly: '',
      value: key
    });
    const done = action('Done', 'Hide the key for good', () => {
      this.secret.replaceChildren();
      this.opener.focus();
    });
    const copy = action(
      'Copy',
      'Copy the key',
      () => void this.attempt(() => copied(input)),
      'main'
    );
    this.secret.replaceChildren(
      element(
        'div',
        'jp-bj-ask jp-bj-secret',
        {},
        node,
        element('div', 'jp-bj-actions', {}, copy, done)
      )
    );
    input.focus();
    input.select();
    announce(`The key ${name} was made. It is shown this once.`);
  }

  private async revoke(key: KeyShown): Promise<void> {
    await this.api.send('DELETE', `${PATH}/${encodeURIComponent(key.id)}`);
    await this.load();
    this.draw();
    announce(`The key ${key.name} opens nothing any more`);
  }
}

/** Put a box's text on the clipboard. Pages without one (plain http) leave it selected. */
async function copied(input: HTMLInputElement): Promise<void> {
  input.focus();
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
  } catch {
    throw new Error('This page may not copy by itself: press Ctrl+C.');
  }
  announce('Copied');
}

/** One key. What revokes it asks once more. */
class KeyRow implements Row<KeyShown> {
  readonly node = element('li', 'jp-bj-barrow jp-bj-setting');

  constructor(
    key: KeyShown,
    private readonly revoke: () => void
  ) {
    const ask = action('Revoke', `Revoke ${key.name}`, () => {
      this.confirm(key, ask);
    });
    this.node.append(
      element('div', 'jp-bj-name', {}, key.name),
      ask,
      this.about,
      element('div', 'jp-bj-note jp-bj-scopes', {}, key.scopes.join(', ')),
      this.below
    );
  }

  update(key: KeyShown): void {
    setText(this.about, factsOfKey(key, Date.now()));
  }

  private readonly about = element('div', 'jp-bj-note');
  private readonly below = element('div', 'jp-bj-below');

  private confirm(key: KeyShown, asked: HTMLElement): void {
    const sure = action('Revoke', 'Whoever uses it is locked out', this.revoke, 'danger');
    const keep = action('Keep', 'Keep the key', () => {
      this.below.replaceChildren();
      asked.focus();
    });
    this.below.replaceChildren(
      element(
        'div',
        'jp-bj-ask',
        {},
        `Revoke ${key.name}? Whoever uses it is locked out.`,
        element('div', 'jp-bj-actions', {}, sure, keep)
      )
    );
    sure.focus();
  }
}
