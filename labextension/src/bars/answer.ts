/**
 * The form that a question is answered by, made as the server makes its own (`builder_jupyter/execution/forms.py`): of
 * a JSON Schema, else a button an option, else one text.
 */
import { element, OWN_KEYS } from '../dom';
import type { OpenWaitpoint } from '../types';

type Kind = 'text' | 'number' | 'integer' | 'boolean' | 'choice' | 'list' | 'json';
/** Which keyboard a phone shows. */
const MODES: Partial<Record<Kind, string>> = { number: 'decimal', integer: 'numeric' };

type Input = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** One thing to fill in; `''` is the name of the whole answer. */
export interface AnswerField {
  name: string;
  label: string;
  kind: Kind;
  help: string;
  isRequired: boolean;
  preset: unknown;
  choices: unknown[];
}

/** What is asked. Without fields it is answered by an option. */
export interface Question {
  prompt: string;
  options: string[];
  fields: AnswerField[];
}

/** What a waitpoint asks for. */
export function questionOf(request: OpenWaitpoint['request']): Question {
  const prompt = request.prompt ?? '';
  const { schema } = request;
  if (isObject(schema) && Object.keys(schema).length) {
    const properties = isObject(schema.properties) ? schema.properties : {};
    if (typeOf(schema) !== 'object' || !Object.keys(properties).length) {
      return { prompt, options: [], fields: [fieldOf('', schema, true)] };
    }
    const stated = Array.isArray(schema.required) ? schema.required.map(String) : [];
    const required = stated.filter(name => name in properties);
    const names = [...new Set([...required, ...Object.keys(properties)])];
    const fields = names.map(name => fieldOf(name, properties[name], required.includes(name)));
    return { prompt, options: [], fields };
  }
  const options = (request.options ?? []).map(String);
  const whole = { name: '', label: 'Answer', kind: 'text', help: '', isRequired: true } as const;
  return {
    prompt,
    options,
    fields: options.length ? [] : [{ ...whole, preset: null, choices: [] }]
  };
}

/** The value that what was typed stands for; undefined for nothing. Throws when it stands for none. */
export function valueOf(field: AnswerField, text: string): unknown {
  const typed = text.trim();
  if (!typed) {
    if (field.isRequired) {
      throw new Error(`${field.label}: an answer is needed.`);
    }
    return undefined;
  }
  switch (field.kind) {
    case 'number':
    case 'integer': {
      const number = Number(typed);
      if (!Number.isFinite(number) || (field.kind === 'integer' && !Number.isInteger(number))) {
        throw new Error(
          `${field.label}: this is not a ${field.kind === 'integer' ? 'whole ' : ''}number.`
        );
      }
      return number;
    }
    case 'choice':
      return field.choices[Number(typed)];
    case 'list':
      return typed
        .split('\n')
        .map(line => line.trim())
        .filter(Boolean);
    case 'boolean':
      return typed === 'true';
    case 'json':
      try {
        return JSON.parse(typed);
      } catch {
        throw new Error(`${field.label}: this is not JSON.`);
      }
    case 'text':
      return text;
  }
}

/** A form of fields. */
export class AnswerForm {
  readonly node = element('form', 'jp-bj-reply');

  constructor(
    private readonly fields: readonly AnswerField[],
    submit: () => void
  ) {
    this.node.noValidate = true;
    this.node.append(...fields.map(field => this.row(field)));
    this.node.addEventListener('submit', event => {
      event.preventDefault();
      submit();
    });
    this.node.addEventListener('keydown', event => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        submit();
      }
    });
  }

  /** The answer as it stands. Throws, and puts the cursor there, when a field holds none. */
  answer(): unknown {
    const values: [string, unknown][] = [];
    this.fields.forEach((field, index) => {
      const input = this.inputs[index];
      if (!input) {
        return;
      }
      const isTicked = input instanceof HTMLInputElement && input.checked;
      try {
        const text = field.kind === 'boolean' ? String(isTicked) : input.value;
        values.push([field.name, valueOf(field, text)]);
        input.removeAttribute('aria-invalid');
      } catch (error) {
        input.setAttribute('aria-invalid', 'true');
        input.focus();
        throw error;
      }
    });
    const [first] = values;
    if (first?.[0] === '') {
      return first[1];
    }
    return Object.fromEntries(values.filter(([, value]) => value !== undefined));
  }

  private readonly inputs: Input[] = [];

  private row(field: AnswerField): HTMLElement {
    const input = inputOf(field);
    this.inputs.push(input);
    const label = field.isRequired ? field.label : `${field.label} (optional)`;
    const help = field.help ? element('span', 'jp-bj-note', {}, field.help) : null;
    if (field.kind === 'boolean') {
      return element('label', 'jp-bj-tick', {}, input, element('span', '', {}, field.label), help);
    }
    return element('label', 'jp-bj-field', {}, element('span', '', {}, label), input, help);
  }
}

function inputOf(field: AnswerField): Input {
  const attributes = { ...OWN_KEYS, 'aria-required': String(field.isRequired) };
  const text = textOf(field);
  if (field.kind === 'boolean') {
    const box = element('input', '', { ...OWN_KEYS, type: 'checkbox' });
    box.checked = field.preset === true;
    return box;
  }
  if (field.kind === 'choice') {
    const options = field.choices.map((choice, index) =>
      element(
        'option',
        '',
        { value: String(index) },
        typeof choice === 'string' ? choice : JSON.stringify(choice)
      )
    );
    const list = element('select', 'jp-bj-choice', attributes);
    list.append(element('option', '', { value: '' }, '–'), ...options);
    list.value = text;
    return list;
  }
  const isLine =
    field.kind === 'number' || field.kind === 'integer' || (field.kind === 'text' && field.name);
  const mode = MODES[field.kind] ?? 'text';
  const input = isLine
    ? element('input', 'jp-bj-search', { ...attributes, type: 'text', inputmode: mode })
    : element('textarea', `jp-bj-search${field.kind === 'json' ? ' jp-mod-code' : ''}`, {
        ...attributes,
        rows: '3'
      });
  input.value = text;
  return input;
}

function textOf({ kind, preset, choices }: AnswerField): string {
  if (preset === null || preset === undefined) {
    return '';
  }
  if (kind === 'choice') {
    const place = choices.findIndex(choice => JSON.stringify(choice) === JSON.stringify(preset));
    return place < 0 ? '' : String(place);
  }
  if (kind === 'list' && Array.isArray(preset)) {
    return preset.map(String).join('\n');
  }
  return typeof preset === 'string' && kind !== 'json' ? preset : JSON.stringify(preset);
}

function fieldOf(name: string, schema: unknown, isRequired: boolean): AnswerField {
  const about = isObject(schema) ? schema : {};
  const plain = (name || 'answer').replaceAll('_', ' ');
  const words = plain.slice(0, 1).toUpperCase() + plain.slice(1);
  return {
    name,
    label: typeof about.title === 'string' ? about.title : words,
    kind: kindOf(about),
    help: typeof about.description === 'string' ? about.description : '',
    isRequired,
    preset: about.default ?? null,
    choices: Array.isArray(about.enum) ? about.enum : []
  };
}

function kindOf(schema: Record<string, unknown>): Kind {
  if (Array.isArray(schema.enum) && schema.enum.length) {
    return 'choice';
  }
  const found = typeOf(schema);
  if (found === 'array') {
    return isObject(schema.items) && typeOf(schema.items) === 'string' ? 'list' : 'json';
  }
  const plain: Record<string, Kind> = {
    string: 'text',
    number: 'number',
    integer: 'integer',
    boolean: 'boolean'
  };
  return plain[found] ?? 'json';
}

/** The type that a schema names; of several the first that is not null. */
function typeOf(schema: Record<string, unknown>): string {
  const stated: unknown[] = Array.isArray(schema.type) ? schema.type : [schema.type];
  const type = stated.find(one => one !== 'null');
  return typeof type === 'string' ? type : '';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
