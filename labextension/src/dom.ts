/** Elements, made briefly. Text goes in as text: nothing here parses HTML but our own drawings. */

type Child = Node | string | null | false;

/** Make an element with a class, attributes and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) {
    made.className = className;
  }
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  made.append(...children.filter(child => child !== null && child !== false));
  return made;
}

/**
 * Keeps the notebook's shortcuts away from an element that can have the focus. It must be on the element itself: the
 * notebook's selectors are satisfied before Lumino looks at what lies around it.
 */
export const OWN_KEYS = { 'data-lm-suppress-shortcuts': 'true' };

/** Make a button. */
export function button(
  className: string,
  title: string,
  onClick: () => void,
  ...children: Child[]
): HTMLButtonElement {
  const made = element(
    'button',
    className,
    { ...OWN_KEYS, type: 'button', title, 'aria-label': title },
    ...children
  );
  made.addEventListener('click', onClick);
  return made;
}

/** Make a drawing of our own, hidden from screen readers: words stand beside it. */
export function drawing(svg: string): HTMLSpanElement {
  const made = element('span', 'jp-bj-icon', { 'aria-hidden': 'true' });
  made.innerHTML = svg;
  return made;
}

/** Set an element's text if it differs: a rewritten node loses its selection. */
export function setText(target: HTMLElement, text: string): void {
  if (target.textContent !== text) {
    target.textContent = text;
  }
}
