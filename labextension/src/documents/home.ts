/** What the page of the builder shows before a workflow is open: the saved ones, and ways to begin. */
import { button, drawing, element, setText } from '../dom';
import * as icons from '../icons';
import type { Server } from '../server';
import { ago, counted } from '../text';
import type { WorkflowSummary } from '../types';
import { templates, type TemplateSummary } from './texts';

/** What can be begun here. */
export interface Ways {
  open: (id: string) => void;
  create: () => void;
  fromTemplate: (id: string) => void;
  importFile: () => void;
}

/** Lists and cards. */
export class Home {
  readonly node: HTMLElement;

  constructor(
    private readonly server: Server,
    private readonly ways: Ways
  ) {
    this.search.addEventListener('input', () => {
      this.draw();
    });
    this.node = element(
      'main',
      'jp-bj-home',
      {},
      this.fault,
      element('h2', '', {}, 'Begin'),
      this.cards,
      element('div', 'jp-bj-home-head', {}, element('h2', '', {}, 'Saved workflows'), this.search),
      this.note,
      this.list
    );
  }

  /** Ask the server again. */
  async refresh(): Promise<void> {
    try {
      const [saved, offered] = await Promise.all([this.server.workflows(), templates(this.server)]);
      this.saved = saved;
      this.drawCards(offered);
      this.draw();
      this.say('');
    } catch (error) {
      this.say(error instanceof Error ? error.message : String(error));
    }
  }

  /** Say what went wrong. */
  say(text: string): void {
    setText(this.fault, text);
    this.fault.hidden = !text;
  }

  private saved: WorkflowSummary[] = [];
  private readonly fault = element('div', 'jp-bj-home-fault', { role: 'alert', hidden: '' });
  private readonly cards = element('div', 'jp-bj-cards');
  private readonly note = element('p', 'jp-bj-quiet', { role: 'status' });
  private readonly list = element('ul', 'jp-bj-listing');
  private readonly search = element('input', 'jp-bj-find', {
    type: 'search',
    placeholder: 'Search',
    'aria-label': 'Search saved workflows'
  });

  private drawCards(offered: TemplateSummary[]): void {
    this.cards.replaceChildren(
      card(icons.PLUS, 'New workflow', 'One node to start from', this.ways.create),
      card(
        icons.OPEN,
        'Import a file',
        'A workflow as JSON, or LangGraph code',
        this.ways.importFile
      ),
      ...offered.map(one =>
        card(
          icons.FLOW,
          one.name,
          `${one.description} · ${counted(one.node_count, 'node')}`,
          () => {
            this.ways.fromTemplate(one.id);
          }
        )
      )
    );
  }

  private draw(): void {
    const wanted = this.search.value.trim().toLowerCase();
    const found = this.saved.filter(one =>
      `${one.name} ${one.description}`.toLowerCase().includes(wanted)
    );
    this.note.hidden = found.length > 0;
    setText(this.note, this.saved.length ? 'No workflow is called that.' : 'Nothing is saved yet.');
    this.list.replaceChildren(
      ...found.map(one => {
        const when = ago(Date.parse(one.updated_at), Date.now());
        const about = `${counted(one.node_count, 'node')} · version ${String(one.version)} · ${when}`;
        const open = button(
          'jp-bj-listed',
          `Open ${one.name}`,
          () => {
            this.ways.open(one.id);
          },
          drawing(icons.FLOW),
          element('span', 'jp-bj-row-name', {}, one.name),
          element('span', 'jp-bj-quiet', {}, about)
        );
        open.removeAttribute('aria-label'); // its words are its name
        return element('li', '', {}, open);
      })
    );
  }
}

function card(icon: string, title: string, text: string, act: () => void): HTMLElement {
  const made = button(
    'jp-bj-begin',
    title,
    act,
    drawing(icon),
    element('span', 'jp-bj-row-name', {}, title),
    element('span', 'jp-bj-quiet', {}, text)
  );
  made.removeAttribute('aria-label'); // its words are its name
  return made;
}
