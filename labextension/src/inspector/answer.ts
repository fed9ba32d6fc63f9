/** What a step waits for, asked where the step is looked at: a form of the waitpoint's own schema. */
import { button, element, setText } from '../dom';
import { type Control, TextControl } from './control';
import { controlFor } from './controls';
import { fieldOf, fieldsOf, type FormField } from './fields';
import { FieldLabel } from './label';

/** What to ask; see `execution/forms.py`. Without fields one of the options is the answer. */
export interface Question {
  prompt: string;
  options: string[];
  fields: FormField[];
  required: string[];
  /** Whether the one field's value is the answer, instead of an object with the values of all. */
  isWhole: boolean;
}

/** The question in a waitpoint's request. */
export function questionOf(request: Record<string, unknown>): Question {
  const prompt = typeof request.prompt === 'string' ? request.prompt : '';
  const options = Array.isArray(request.options) ? request.options.map(String) : [];
  const schema = (request.schema ?? null) as Record<string, unknown> | null;
  const whole = { prompt, options: [], required: [WHOLE], isWhole: true };
  if (schema && Object.keys(schema).length) {
    const properties = schema.properties as Record<string, unknown> | undefined;
    if (properties && Object.keys(properties).length) {
      const required = ((schema.required as string[] | undefined) ?? []).filter(
        name => name in properties
      );
      const place = (field: FormField): number => required.indexOf(field.name) + 1 || 1e6;
      const fields = fieldsOf(schema, {}).sort((a, b) => place(a) - place(b));
      return { prompt, options: [], fields, required, isWhole: false };
    }
    const field = fieldOf(WHOLE, schema, schema);
    return { ...whole, fields: [field] };
  }
  const answer = { ...fieldOf(WHOLE, { title: 'Answer' }), kind: 'prompt' as const };
  return options.length ? { ...whole, options, fields: [] } : { ...whole, fields: [answer] };
}

/** The answer that values by field make. Throws when one that is required is missing. */
export function answerOf(question: Question, values: Map<string, unknown>): unknown {
  const missing = question.fields.find(
    ({ name, kind }) => question.required.includes(name) && isMissing(values.get(name), kind)
  );
  if (missing) {
    throw new Error(`${missing.label} is required.`);
  }
  return question.isWhole
    ? values.get(WHOLE)
    : Object.fromEntries([...values].filter(([, value]) => value !== undefined && value !== ''));
}

function isMissing(value: unknown, kind: string): boolean {
  return value === undefined || (value === '' && kind !== 'prompt' && kind !== 'line');
}

const WHOLE = 'answer';

/** The form under a step that waits. */
export class AnswerForm {
  readonly node = element('form', 'jp-bj-answer', { 'aria-label': 'Answer', novalidate: '' });

  /** `send` takes the answer; it rejects with a message. */
  constructor(private readonly send: (value: unknown) => Promise<void>) {
    this.node.hidden = true;
    this.node.addEventListener('submit', event => {
      event.preventDefault();
      this.submit();
    });
    // The boxes keep Enter for themselves; in a box of one line it sends, as in any form.
    this.node.addEventListener('keydown', event => {
      const { target, key, isComposing } = event;
      if (key === 'Enter' && !isComposing && target instanceof HTMLInputElement) {
        if (!target.closest('.jp-bj-chips, .jp-bj-rows')) {
          event.preventDefault();
          this.submit();
        }
      }
    });
  }

  /** Ask something; null for nothing. `key` tells one question from the next. */
  ask(key: string, request: Record<string, unknown> | null): void {
    this.node.hidden = request === null;
    const asked = request === null ? '' : key;
    if (asked === this.asked) {
      return;
    }
    this.asked = asked;
    setText(this.fault, '');
    this.fault.hidden = true;
    if (request) {
      this.draw(questionOf(request));
    }
  }

  private asked = '';
  private question: Question | null = null;
  private controls = new Map<string, Control>();
  private readonly fault = element('div', 'jp-bj-fault', { role: 'alert' });

  private draw(question: Question): void {
    this.question = question;
    this.controls = new Map(
      question.fields.map(field => {
        const control = field.kind === 'prompt' ? new TextControl(3) : controlFor(field, NO_HELP);
        control.set(field.default);
        return [field.name, control];
      })
    );
    const rows = question.fields.map(field => {
      const control = this.controls.get(field.name);
      return control ? new FieldLabel(field, control).node : null;
    });
    const send = element('button', 'jp-bj-send', { type: 'submit' }, 'Answer');
    const choices = question.options.map(option =>
      button(
        'jp-bj-send',
        `Answer ${option}`,
        () => {
          this.give(option);
        },
        option
      )
    );
    this.node.replaceChildren(
      element('div', 'jp-bj-question', {}, question.prompt || 'An answer is needed.'),
      ...rows.filter(row => row !== null),
      element('div', 'jp-bj-acts', {}, ...(choices.length ? choices : [send])),
      this.fault
    );
  }

  private submit(): void {
    const { question } = this;
    if (!question || (question.options.length && !question.fields.length)) {
      return;
    }
    try {
      const values = new Map([...this.controls].map(([name, one]) => [name, one.get()]));
      this.give(answerOf(question, values));
    } catch (error) {
      this.complain(error);
    }
  }

  private give(value: unknown): void {
    const buttons = [...this.node.querySelectorAll<HTMLButtonElement>('.jp-bj-send')];
    const enable = (isEnabled: boolean): void => {
      for (const one of buttons) {
        one.disabled = !isEnabled;
      }
    };
    enable(false);
    this.send(value).catch((error: unknown) => {
      enable(true);
      this.complain(error);
    });
  }

  private complain(error: unknown): void {
    setText(this.fault, error instanceof Error ? error.message : String(error));
    this.fault.hidden = false;
  }
}

const NO_HELP = { offers: () => [], words: () => Promise.resolve([]) };
