/** A list that opens under a box while an expression is typed. */
import { element } from '../dom';
import { accepted, fitting, type Offer, type Spot, spotIn } from './names';

let count = 0;

/**
 * Offer expressions in a box: behind `{{`, or where `isTemplate` is false, wherever one begins.
 *
 * The list is put behind the box, in an element that is the frame for both.
 */
export function complete(
  box: HTMLInputElement | HTMLTextAreaElement,
  isTemplate: boolean,
  offers: () => Offer[]
): HTMLElement {
  const id = `jp-bj-offers-${++count}`;
  const list = element('div', 'jp-bj-offers', { id, role: 'listbox', 'aria-label': 'Names' });
  let found: Offer[] = [];
  let spot: Spot | null = null;
  let at = 0;
  const close = (): void => {
    found = [];
    list.hidden = true;
    box.setAttribute('aria-expanded', 'false');
    box.removeAttribute('aria-activedescendant');
  };
  const choose = (index: number): void => {
    const offer = found[index];
    if (offer && spot) {
      const { text, cursor } = accepted(box.value, spot, offer.path, isTemplate);
      box.value = text;
      box.setSelectionRange(cursor, cursor);
      close();
      box.dispatchEvent(new Event('input', { bubbles: true }));
      close();
    }
  };
  const draw = (): void => {
    list.replaceChildren(
      ...found.map(({ path, about }, i) => {
        const row = element(
          'div',
          'jp-bj-offer',
          { id: `${id}-${i}`, role: 'option', 'aria-selected': String(i === at) },
          element('code', '', {}, path),
          element('span', '', {}, about)
        );
        row.addEventListener('mousedown', event => {
          event.preventDefault(); // the box keeps the focus
          choose(i);
        });
        return row;
      })
    );
    list.hidden = false;
    box.setAttribute('aria-expanded', 'true');
    box.setAttribute('aria-activedescendant', `${id}-${at}`);
  };
  const open = (): void => {
    spot = spotIn(box.value, box.selectionStart ?? 0, isTemplate);
    found = spot ? fitting(offers(), spot.typed) : [];
    at = 0;
    if (found.length) {
      draw();
    } else {
      close();
    }
  };
  const keys: Record<string, () => void> = {
    ArrowDown: () => {
      at = (at + 1) % found.length;
      draw();
    },
    ArrowUp: () => {
      at = (at + found.length - 1) % found.length;
      draw();
    },
    Enter: () => {
      choose(at);
    },
    Tab: () => {
      choose(at);
    },
    Escape: close
  };
  box.addEventListener('input', open);
  box.addEventListener('blur', close);
  // Before the box's own keys: Enter would be the end of the entry.
  box.addEventListener(
    'keydown',
    (event: Event) => {
      const { key } = event as KeyboardEvent;
      const act = list.hidden ? undefined : keys[key];
      if (act) {
        event.preventDefault();
        event.stopImmediatePropagation();
        act();
      }
    },
    { capture: true }
  );
  for (const [name, value] of Object.entries({
    role: 'combobox',
    'aria-autocomplete': 'list',
    'aria-controls': id,
    'aria-expanded': 'false'
  })) {
    box.setAttribute(name, value);
  }
  list.hidden = true;
  return element('span', 'jp-bj-completed', {}, box, list);
}
