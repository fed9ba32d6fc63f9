/** The small things that the side bars are made of, and what they say to those who listen. */
import { element, OWN_KEYS } from '../dom';

/** A box to search by. */
export function searchBox(label: string): HTMLInputElement {
  return element('input', 'jp-bj-search', {
    ...OWN_KEYS,
    type: 'search',
    placeholder: label,
    'aria-label': label
  });
}

/** A button with a word on it. */
export function action(
  label: string,
  hint: string,
  run: () => void,
  kind: 'plain' | 'main' | 'danger' = 'plain'
): HTMLButtonElement {
  const made = element(
    'button',
    `jp-bj-action jp-mod-${kind}`,
    { ...OWN_KEYS, type: 'button', title: hint },
    label
  );
  made.addEventListener('click', run);
  return made;
}

/** What went wrong, for people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

let region: HTMLElement | null = null;

/** Tell those who listen rather than look. The region is the page's: a bar that is hidden could not be heard. */
export function announce(text: string): void {
  region ??= element('div', 'jp-bj-announcer', { role: 'status', 'aria-live': 'polite' });
  if (!region.isConnected) {
    document.body.append(region);
  }
  region.textContent = text;
}
