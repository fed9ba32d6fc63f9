/** The side bar *Settings*: keys, providers, people, credits and webhooks of a workspace. */
import type { Server } from '../server';
import { Bar } from './bar';
import { choiceField, type Section } from './section';
import { SettingsApi, type Workspace } from './settings-data';
import { HooksSection } from './settings-hooks';
import { KeysSection } from './settings-keys';
import { MoneySection } from './settings-money';
import { PeopleSection } from './settings-people';
import { ProvidersSection } from './settings-providers';

const EVERY_SECONDS = 20;

/** The side bar *Settings*. */
export class SettingsBar extends Bar {
  constructor(server: Server) {
    super('builder-jupyter-settings', 'Settings', EVERY_SECONDS);
    this.api = new SettingsApi(server);
    this.keys = new KeysSection(this.api);
    this.people = new PeopleSection(this.api);
    this.sections = [
      this.keys,
      new ProvidersSection(this.api),
      this.people,
      new MoneySection(this.api),
      new HooksSection(this.api)
    ];
    this.choice.select.addEventListener('change', () => {
      this.api.workspace = this.choice.select.value;
      this.keys.reset();
      void this.refresh();
    });
    this.node.append(this.note, this.choice.node, ...this.sections.map(section => section.node));
    for (const section of this.sections) {
      section.node.hidden = true;
    }
    this.choice.node.hidden = true;
  }

  protected override async load(): Promise<void> {
    if (!(await this.api.isThere)) {
      throw new Error('This Jupyter server runs no workflows.');
    }
    // Not as the workspace that is shown: it may be gone. Which one that is may change while the server is asked.
    const { workspaces } = await this.api.all();
    const chosen = workspaces.find(one => one.id === this.api.workspace) ?? workspaces[0] ?? null;
    this.api.workspace = chosen?.id ?? '';
    this.workspaces = workspaces;
    this.people.workspace = chosen;
    await Promise.all(this.sections.map(section => section.load()));
  }

  protected override draw(): void {
    this.say('');
    this.choice.node.hidden = this.workspaces.length < 2;
    const options = this.workspaces.map(one => new Option(`${one.name} (${one.role})`, one.id));
    if (options.map(option => option.text).join() !== this.listed) {
      this.listed = options.map(option => option.text).join();
      this.choice.select.replaceChildren(...options);
    }
    this.choice.select.value = this.api.workspace;
    for (const section of this.sections) {
      section.node.hidden = false;
      section.draw();
    }
  }

  private readonly api: SettingsApi;
  private readonly keys: KeysSection;
  private readonly people: PeopleSection;
  private readonly sections: readonly Section[];
  private readonly choice = choiceField('Workspace', [], '');
  private workspaces: Workspace[] = [];
  private listed = '';
}
