/** The questions that the page of the builder asks, in the browser's own dialogs. */
import { button, element } from '../dom';

/** Ask; the answer is the name of the button that was pressed, or null. The first button is the one to be expected. */
export async function choose(
  title: string,
  text: string,
  choices: [name: string, label: string][]
): Promise<string | null> {
  return open<string>(title, close => [
    element('p', '', {}, text),
    element(
      'div',
      'jp-bj-pushes',
      {},
      ...choices.map(([name, label], index) =>
        button(
          index ? 'jp-bj-push' : 'jp-bj-push jp-mod-main',
          label,
          () => {
            close(name);
          },
          label
        )
      )
    )
  ]);
}

/** Show something until it is closed. */
export async function show(title: string, ...content: HTMLElement[]): Promise<void> {
  await open(title, () => content);
}

function open<T>(
  title: string,
  fill: (close: (value: T | null) => void) => HTMLElement[]
): Promise<T | null> {
  return new Promise(resolve => {
    const heading = element('h2', '', { id: 'jp-bj-dialog-title' }, title);
    const dialog = element('dialog', 'jp-bj-dialog', { 'aria-labelledby': heading.id });
    let answer: T | null = null;
    const close = (value: T | null) => {
      answer = value;
      dialog.close();
    };
    dialog.append(
      element(
        'div',
        'jp-bj-dialog-head',
        {},
        heading,
        button(
          'jp-bj-push jp-mod-plain',
          'Close',
          () => {
            close(null);
          },
          '✕'
        )
      ),
      ...fill(close)
    );
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Hand a text to the browser as a file to keep. */
export function download(name: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  element('a', '', { href: url, download: name }).click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  });
}
