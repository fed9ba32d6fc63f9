/** The control for each kind of field. */
import { element } from '../dom';
import { ChipsControl } from './chips';
import { CodeControl } from './code';
import { complete } from './complete';
import {
  BooleanControl,
  ChoiceControl,
  type Control,
  JsonControl,
  NumberControl,
  TextControl
} from './control';
import type { FieldKind, FormField } from './fields';
import type { Offer } from './names';
import { ConditionsControl, PairsControl } from './rows';

/** A word to offer in a box, with what it means. */
export interface Word {
  value: string;
  about: string;
}

/** Where suggestions come from. */
export interface Sources {
  /** Expressions at the node. */
  offers: () => Offer[];
  /** Words of a kind, e.g. `tools`; none when nobody knows them. */
  words: (kind: string) => Promise<Word[]>;
}

type Make = (field: FormField, sources: Sources) => Control;

const MAKE: Record<FieldKind, Make> = {
  line: textLine,
  prompt: field => new TextControl(field.name === 'text' ? 3 : 5),
  code: () => new CodeControl(),
  number: field => new NumberControl(field),
  integer: field => new NumberControl(field),
  boolean: field => new BooleanControl(field),
  choice: field => new ChoiceControl(field),
  texts: (field, sources) => {
    const words = datalist(field, sources);
    const chips = new ChipsControl(field.label.toLowerCase().replace(/s$/, ''), words?.id);
    chips.node.append(...(words ? [words] : []));
    return chips;
  },
  conditions: () => new ConditionsControl(),
  pairs: (field, { offers }) => new PairsControl(field.suggest === 'template' ? offers : null),
  json: () => new JsonControl()
};

/** A control for a field. */
export function controlFor(field: FormField, sources: Sources): Control {
  return MAKE[field.kind](field, sources);
}

/** A control in a frame that also holds what belongs to it. */
class Framed implements Control {
  constructor(
    private readonly inner: Control,
    readonly node: HTMLElement
  ) {}

  get target(): HTMLElement {
    return this.inner.target;
  }

  set onInput(call: () => void) {
    this.inner.onInput = call;
  }

  set onDone(call: () => void) {
    this.inner.onDone = call;
  }

  get(): unknown {
    return this.inner.get();
  }

  set(value: unknown): void {
    this.inner.set(value);
  }
}

function textLine(field: FormField, sources: Sources): Control {
  const control = new TextControl(1);
  if (typeof field.default === 'string' && field.default) {
    control.target.setAttribute('placeholder', field.default);
  }
  if (field.suggest === 'template' || field.suggest === 'expression') {
    const framed = complete(control.target, field.suggest === 'template', sources.offers);
    control.target.classList.add('jp-mod-code');
    control.target.setAttribute('spellcheck', 'false');
    return new Framed(control, framed);
  }
  const words = datalist(field, sources);
  if (!words) {
    return control;
  }
  control.target.setAttribute('list', words.id);
  return new Framed(control, element('span', 'jp-bj-completed', {}, control.target, words));
}

let count = 0;

/** The words for a field as an element that boxes can refer to; null when it has none. */
function datalist(field: FormField, sources: Sources): HTMLDataListElement | null {
  if (!field.suggest) {
    return null;
  }
  const list = element('datalist', '', { id: `jp-bj-words-${++count}` });
  sources.words(field.suggest).then(
    words => {
      list.replaceChildren(
        ...words.map(({ value, about }) => element('option', '', { value }, about))
      );
    },
    (error: unknown) => {
      console.debug('no suggestions', error); // the box takes any word all the same
    }
  );
  return list;
}
