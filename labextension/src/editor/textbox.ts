/** A small box for one line of text, over what it names: Enter takes it, Escape leaves it as it was. */
import { element, OWN_KEYS } from '../dom';

/** Ask for a text; `onDone` gets it unless it is as before, and null otherwise. */
export function askText(
  area: HTMLElement,
  at: { x: number; y: number },
  label: string,
  before: string,
  onDone: (text: string | null) => void
): void {
  const box = element('input', 'jp-bj-textbox', {
    ...OWN_KEYS,
    type: 'text',
    'aria-label': label,
    placeholder: label
  });
  box.value = before;
  box.style.left = `${at.x}px`;
  box.style.top = `${at.y}px`;
  const finish = (text: string | null): void => {
    if (box.isConnected && !isOver) {
      isOver = true; // taking a focused element away blurs it
      box.remove();
      onDone(text === before ? null : text);
    }
  };
  let isOver = false;
  box.addEventListener('keydown', event => {
    event.stopPropagation();
    if (event.isComposing) {
      return; // Enter ends a word of an input method
    }
    if (event.key === 'Enter') {
      finish(box.value.trim());
    } else if (event.key === 'Escape') {
      finish(null);
    }
  });
  box.addEventListener('blur', () => {
    finish(box.value.trim());
  });
  area.append(box);
  box.focus();
  box.select();
}
