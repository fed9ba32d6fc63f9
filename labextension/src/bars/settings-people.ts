/** Who is in the workspace, and who is invited. */
import { element, setText } from '../dom';
import { action, announce } from './pieces';
import { type Row, Rows } from './rows';
import { choiceField, formOf, Section, textField } from './section';
import { type Invite, type Member, ROLES, type SettingsApi, type Workspace } from './settings-data';

const MANAGERS = ['owner', 'admin'];

/** Members and open invites. It is shown where there is more than one person to speak of. */
export class PeopleSection extends Section {
  /** The workspace that is shown. */
  workspace: Workspace | null = null;

  constructor(private readonly api: SettingsApi) {
    super('People');
    const roles = ROLES.map(role => [role, role] as const);
    this.role = choiceField('Role', roles, 'editor');
    const send = action('Invite', 'Invite this address', () => undefined, 'main');
    send.type = 'submit';
    this.form = formOf(
      'Invite somebody',
      () => void this.attempt(() => this.invite()),
      this.email.node,
      this.role.node,
      element('div', 'jp-bj-actions', {}, send)
    );
    this.body.append(this.problem, this.members.node, this.invites.node, this.form);
  }

  override async load(): Promise<void> {
    const place = this.place;
    const found = place ? await this.api.find<{ members: Member[] }>(`${place}/members`) : null;
    const asked =
      found && this.mayManage
        ? await this.api.find<{ invites: Invite[] }>(`${place}/invites`)
        : null;
    this.people = found?.members ?? [];
    this.pending = (asked?.invites ?? []).filter(one => one.state === 'pending');
  }

  override draw(): void {
    const isShared = this.workspace !== null && this.workspace.owner_id !== null;
    this.node.hidden = !isShared && !this.people.length && !this.pending.length;
    this.form.hidden = !this.mayManage;
    this.members.show(this.people);
    this.invites.show(this.pending);
    this.invites.node.hidden = !this.pending.length;
  }

  private people: Member[] = [];
  private pending: Invite[] = [];
  private readonly email = textField('Invite by e-mail', { type: 'email', maxlength: '254' });
  private readonly role: ReturnType<typeof choiceField>;
  private readonly form: HTMLFormElement;
  private readonly members = new Rows<Member, PersonRow<Member>>(
    'Members',
    one => one.name,
    one =>
      new PersonRow(
        one.name,
        `Remove ${one.name}`,
        'Remove',
        member => member.role,
        () => {
          void this.attempt(() => this.take(`members/${encodeURIComponent(one.name)}`));
        },
        () => one.role !== 'owner' && this.mayManage
      )
  );
  private readonly invites = new Rows<Invite, PersonRow<Invite>>(
    'Invites',
    one => one.id,
    one =>
      new PersonRow(
        one.email,
        `Take back the invite of ${one.email}`,
        'Take back',
        invite => `invited as ${invite.role}, until ${invite.expires_at.slice(0, 10)}`,
        () => {
          void this.attempt(() => this.take(`invites/${encodeURIComponent(one.id)}`));
        },
        () => this.mayManage
      )
  );

  private get place(): string {
    return this.workspace ? `api/builder/workspaces/${encodeURIComponent(this.workspace.id)}` : '';
  }

  private get mayManage(): boolean {
    return MANAGERS.includes(this.workspace?.role ?? '');
  }

  private async invite(): Promise<void> {
    const body = { email: this.email.input.value, role: this.role.select.value };
    const made = await this.api.send<Invite>('POST', `${this.place}/invites`, body);
    this.email.input.value = '';
    announce(`${made.email} is invited. Nothing is sent: tell them.`);
    await this.load();
    this.draw();
  }

  private async take(what: string): Promise<void> {
    await this.api.send('DELETE', `${this.place}/${what}`);
    await this.load();
    this.draw();
  }
}

/** Somebody, with a button that ends it. */
class PersonRow<T> implements Row<T> {
  readonly node = element('li', 'jp-bj-barrow jp-bj-setting');

  constructor(
    name: string,
    hint: string,
    word: string,
    private readonly tell: (item: T) => string,
    end: () => void,
    private readonly mayEnd: () => boolean
  ) {
    this.ender = action(word, hint, end);
    this.ender.setAttribute('aria-label', hint);
    this.node.append(element('div', 'jp-bj-name', {}, name), this.ender, this.about);
  }

  update(item: T): void {
    setText(this.about, this.tell(item));
    this.ender.hidden = !this.mayEnd();
  }

  private readonly ender: HTMLButtonElement;
  private readonly about = element('div', 'jp-bj-note');
}
