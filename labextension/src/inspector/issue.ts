/** One finding on the page: what is wrong, and buttons that put it right. */
import { button, drawing, element } from '../dom';
import type { Finding, Fix } from '../editor/host';
import { ERROR, WARNING } from '../icons';

/** A finding. With `open`, its message is a button that shows what it is about. */
export function issue(finding: Finding, mend: (fix: Fix) => void, open?: () => void): HTMLElement {
  const { severity, message, fixes } = finding;
  const icon = drawing(severity === 'error' ? ERROR : WARNING);
  const words = element(
    'span',
    'jp-bj-said',
    {},
    `${severity === 'error' ? 'Error' : 'Warning'}: `
  );
  words.append(message);
  const head = open
    ? button('jp-bj-finding', message, open, icon, words)
    : element('div', 'jp-bj-finding', {}, icon, words);
  return element(
    'div',
    'jp-bj-issue',
    { 'data-severity': severity, 'data-type': finding.type },
    head,
    ...(fixes ?? []).map(fix =>
      button(
        'jp-bj-fix',
        `Fix: ${fix.title}`,
        () => {
          mend(fix);
        },
        fix.title
      )
    )
  );
}
