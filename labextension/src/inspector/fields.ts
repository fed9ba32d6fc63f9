/** The fields of a form, made from the JSON Schema of a node's data. Plain data: nothing on the page. */

/** How a value is entered. */
export type FieldKind =
  | 'line'
  | 'prompt'
  | 'code'
  | 'number'
  | 'integer'
  | 'boolean'
  | 'choice'
  | 'texts'
  | 'conditions'
  | 'pairs'
  | 'json';

/** One value to enter. Numbers lie between `least` and `most`. */
export interface FormField {
  name: string;
  label: string;
  help: string;
  kind: FieldKind;
  /** Where suggestions come from: see `nodes/forms.py`. */
  suggest: string;
  /** Whether nothing at all is a value, so that an empty box takes the field away. */
  isOptional: boolean;
  /** What holds where the field is missing. */
  default: unknown;
  choices: unknown[];
  least: number | null;
  most: number | null;
  /** Whether `least` itself is too little. */
  isAbove: boolean;
}

type Schema = Record<string, unknown>;

const BY_TYPE: Record<string, FieldKind> = {
  string: 'line',
  number: 'number',
  integer: 'integer',
  boolean: 'boolean'
};
const FORMS = new Set<string>(['line', 'prompt', 'code', 'texts', 'conditions', 'pairs']);

/** The fields of a node: those of its type, then what its data has besides. */
export function fieldsOf(schema: Schema, data: Record<string, unknown>): FormField[] {
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  const known = Object.entries(properties).map(([name, about]) => fieldOf(name, about, schema));
  const others = Object.keys(data)
    .filter(name => !(name in properties))
    .map(name => ({ ...fieldOf(name, {}, schema), label: name, isOptional: true }));
  return [...known, ...others].map(field => asItStands(field, data[field.name]));
}

/** One field of a schema; `root` has its definitions. */
export function fieldOf(name: string, about: Schema, root: Schema = {}): FormField {
  const branches = [about, ...(Array.isArray(about.anyOf) ? (about.anyOf as Schema[]) : [])].map(
    one => resolve(one, root)
  );
  const real = branches.filter(one => typeOf(one) !== 'null');
  const find = (key: string): unknown => real.find(one => one[key] !== undefined)?.[key];
  const number = (key: string): number | null => {
    const found = find(key);
    return typeof found === 'number' ? found : null;
  };
  const above = number('exclusiveMinimum');
  return {
    name,
    label: textOf(about.title) || spoken(name),
    help: textOf(about.description),
    kind: kindOf(about, real),
    suggest: textOf(about['x-suggest']),
    isOptional: real.length < branches.length || (about.default === undefined && name !== 'name'),
    default: about.default,
    choices: (find('enum') as unknown[] | undefined) ?? [],
    least: above ?? number('minimum'),
    most: number('maximum'),
    isAbove: above !== null
  };
}

/** A value from an example or a form as the text of an empty box: `''` for none. */
export function shown(value: unknown): string {
  return value === undefined || value === null
    ? ''
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
}

/** The form of a field where its value is of another kind than its form takes. */
function asItStands(field: FormField, value: unknown): FormField {
  return value === undefined || value === null || FITS[field.kind](value)
    ? field
    : { ...field, kind: 'json' };
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isNumber = (value: unknown): boolean => typeof value === 'number';
const isRecord = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const FITS: Record<FieldKind, (value: unknown) => boolean> = {
  line: isText,
  prompt: isText,
  code: isText,
  number: isNumber,
  integer: isNumber,
  boolean: value => typeof value === 'boolean',
  choice: () => true,
  texts: value => Array.isArray(value) && value.every(isText),
  conditions: value => Array.isArray(value) && value.every(one => isText(one) || isCondition(one)),
  pairs: isRecord,
  json: () => true
};

function isCondition(value: unknown): boolean {
  return (
    isRecord(value) &&
    Object.entries(value as Schema).every(
      ([name, text]) => (name !== 'label' && name !== 'pattern') || isText(text)
    )
  );
}

function kindOf(about: Schema, branches: Schema[]): FieldKind {
  const form = textOf(about['x-form']);
  if (FORMS.has(form)) {
    return form as FieldKind;
  }
  if (branches.some(one => Array.isArray(one.enum))) {
    return 'choice';
  }
  const types = branches.map(typeOf).filter(Boolean);
  if (types[0] === 'array') {
    const items = branches.find(one => typeOf(one) === 'array')?.items;
    return typeOf((items ?? {}) as Schema) === 'string' ? 'texts' : 'json';
  }
  return (new Set(types).size === 1 ? BY_TYPE[types[0] ?? ''] : undefined) ?? 'json';
}

function resolve(schema: Schema, root: Schema): Schema {
  const name = textOf(schema.$ref).replace('#/$defs/', '');
  const found = name ? ((root.$defs ?? {}) as Record<string, Schema>)[name] : undefined;
  return found ? { ...found, ...schema } : schema;
}

/** The type of a schema; of several the first that is not null. */
function typeOf(schema: Schema): string {
  const { type } = schema;
  const types = Array.isArray(type) ? type : [type];
  const found: unknown = types.find(one => one !== 'null') ?? types[0];
  return textOf(found);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function spoken(name: string): string {
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
