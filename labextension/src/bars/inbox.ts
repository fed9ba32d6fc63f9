/** The side bar *Inbox*: what runs ask people, answered in place. The tab says how many questions wait. */
import { drawing, element, setText } from '../dom';
import type { Server } from '../server';
import { counted, until } from '../text';
import type { OpenWaitpoint } from '../types';
import { AnswerForm, type Question, questionOf } from './answer';
import { Bar } from './bar';
import { action, announce, messageOf } from './pieces';
import { CLOCK } from './icons';
import { type Row, Rows } from './rows';

const EVERY_SECONDS = 4;

/** Kinds of waiting that end when a person comes back. */
const PEOPLE = new Set(['human', 'user-turn']);

type Open = (one: OpenWaitpoint) => Promise<void>;

/** The side bar *Inbox*. It looks at the server even while it is hidden: somebody waits for an answer. */
export class InboxBar extends Bar {
  constructor(
    private readonly server: Server,
    private readonly open: Open
  ) {
    super('builder-jupyter-inbox', 'Inbox', EVERY_SECONDS, true);
    this.node.append(this.note, this.rows.node);
  }

  protected override async load(): Promise<void> {
    if (!(await this.server.isThere)) {
      return;
    }
    const all = await this.server.waitpoints();
    this.waiting = all.filter(one => PEOPLE.has(one.kind) && !this.answered.has(one.waitpointId));
    this.tell();
  }

  protected override draw(): void {
    this.say(this.waiting.length ? '' : 'Nothing waits for an answer.');
    this.rows.show(this.waiting);
  }

  private waiting: OpenWaitpoint[] = [];
  /** Answered from here; a look that was under way meanwhile may still have them. */
  private readonly answered = new Set<string>();
  private known = new Set<string>();
  private readonly rows = new Rows<OpenWaitpoint, QuestionRow>(
    'Questions',
    one => one.waitpointId,
    one => new QuestionRow(one, (value, asked) => this.answer(asked, value), this.open)
  );

  private tell(): void {
    const count = this.waiting.length;
    const fresh = this.waiting.filter(one => !this.known.has(one.waitpointId));
    this.known = new Set(this.waiting.map(one => one.waitpointId));
    if (fresh[0]) {
      const more = fresh.length > 1 ? ` and ${fresh.length - 1} more` : '';
      announce(`${fresh[0].workflowName} asks: ${fresh[0].request.prompt ?? ''}${more}`);
    }
    const others = Object.entries(this.title.dataset).filter(([name]) => name !== 'waiting');
    const badge: Record<string, string> = count
      ? { waiting: count > 99 ? '99+' : String(count) }
      : {};
    this.title.dataset = { ...Object.fromEntries(others), ...badge };
    this.title.caption = count ? `Inbox: ${counted(count, 'question')}` : 'Inbox';
  }

  private async answer(one: OpenWaitpoint, value: unknown): Promise<void> {
    const { counted: counts } = await this.server.answer(one.waitpointId, value);
    this.answered.add(one.waitpointId);
    this.waiting = this.waiting.filter(other => other.waitpointId !== one.waitpointId);
    this.tell();
    this.draw();
    announce(counts ? 'Your answer was sent' : 'Somebody else had answered before');
  }
}

/** One question with its form. */
class QuestionRow implements Row<OpenWaitpoint> {
  readonly node = element('li', 'jp-bj-barrow jp-bj-card');

  constructor(
    private readonly asked: OpenWaitpoint,
    private readonly send: (value: unknown, asked: OpenWaitpoint) => Promise<void>,
    open: Open
  ) {
    const question = questionOf(asked.request);
    const show = action('Open on canvas', 'Show this run on a canvas in a new notebook', () => {
      void this.attempt(() => open(asked));
    });
    this.node.append(
      element(
        'div',
        'jp-bj-from',
        {},
        element('span', 'jp-bj-name', {}, asked.workflowName),
        element('span', 'jp-bj-note', {}, asked.stepId)
      ),
      element('div', 'jp-bj-asked', {}, question.prompt || `Step ${asked.stepId} asks.`),
      this.deadline,
      this.answering(question, show),
      this.problem
    );
    this.deadline.hidden = asked.deadlineAt === null;
    this.deadline.append(drawing(CLOCK), this.left);
  }

  update(): void {
    if (this.asked.deadlineAt !== null) {
      setText(this.left, until(this.asked.deadlineAt, Date.now()));
    }
  }

  private readonly deadline = element('div', 'jp-bj-note jp-bj-deadline');
  private readonly left = element('span');
  private readonly problem = element('div', 'jp-bj-below', { role: 'alert' });
  private isSending = false;

  private answering(question: Question, show: HTMLElement): HTMLElement {
    const buttons = element('div', 'jp-bj-actions');
    if (!question.fields.length) {
      const options = question.options.map((option, index) =>
        action(
          option,
          `Answer ${option}`,
          () => void this.answer(() => option),
          index ? 'plain' : 'main'
        )
      );
      buttons.append(...options, show);
      return buttons;
    }
    const form = new AnswerForm(question.fields, () => void this.answer(() => form.answer()));
    const send = action('Send', 'Send this answer', () => undefined, 'main');
    send.type = 'submit';
    buttons.append(send, show);
    form.node.append(buttons);
    return form.node;
  }

  private async answer(value: () => unknown): Promise<void> {
    if (!this.isSending) {
      this.isSending = true;
      await this.attempt(() => this.send(value(), this.asked));
      this.isSending = false;
    }
  }

  private async attempt(run: () => Promise<void>): Promise<void> {
    try {
      this.problem.replaceChildren();
      await run();
    } catch (error) {
      this.problem.replaceChildren(element('div', 'jp-bj-problem', {}, messageOf(error)));
    }
  }
}
