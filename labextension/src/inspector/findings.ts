/** What validation says about the workflow: a count that is always there, and a list behind it. */
import { button, drawing, element, setText } from '../dom';
import type { EditHost, Fix } from '../editor/host';
import { ERROR, WARNING } from '../icons';
import { counted, edgeOf, listed, nodesOf } from './judged';
import { issue } from './issue';

/** More than this are not listed. */
const MOST = 100;

/** What the panel asks of the canvas. */
export interface FindingActions {
  select: (nodeId: string) => void;
  selectEdge: (source: string, target: string) => void;
  mend: (fix: Fix) => void;
}

/** The panel of one view. */
export class FindingsPanel {
  readonly node = element('section', 'jp-bj-findings', { 'aria-label': 'Findings' });

  constructor(
    private readonly edits: EditHost,
    private readonly actions: FindingActions
  ) {
    this.toggle = button('jp-bj-count', 'Show the findings', () => {
      this.open(this.list.hidden);
    });
    this.toggle.removeAttribute('aria-label'); // its text says more
    this.toggle.append(this.icon, this.count);
    this.list.hidden = true;
    this.node.append(this.toggle, this.list);
    this.open(false);
    this.update();
  }

  /** Show what validation said last. */
  update(): void {
    const { findings } = this.edits;
    const key = JSON.stringify(findings);
    if (key === this.shown) {
      return;
    }
    this.shown = key;
    const all = listed(findings);
    this.node.hidden = findings === null;
    setText(this.count, counted(findings));
    this.node.dataset.worst = findings?.errors.length ? 'error' : all.length ? 'warning' : '';
    this.icon.replaceChildren(drawing(findings?.errors.length ? ERROR : WARNING));
    this.icon.hidden = !all.length;
    this.toggle.disabled = !all.length;
    this.list.replaceChildren(
      ...all.slice(0, MOST).map(finding =>
        issue(finding, this.actions.mend, () => {
          const edge = edgeOf(finding);
          const [node] = nodesOf(finding);
          if (edge) {
            this.actions.selectEdge(...edge);
          } else if (node !== undefined) {
            this.actions.select(node);
          }
        })
      )
    );
    if (!all.length) {
      this.open(false);
    }
  }

  private shown = '';
  private readonly toggle: HTMLButtonElement;
  private readonly icon = element('span', 'jp-bj-mark');
  private readonly count = element('span', '', { role: 'status', 'aria-live': 'polite' });
  private readonly list = element('div', 'jp-bj-issues', { role: 'group' });

  private open(isOpen: boolean): void {
    this.list.hidden = !isOpen;
    this.toggle.setAttribute('aria-expanded', String(isOpen));
    this.toggle.title = isOpen ? 'Hide the findings' : 'Show the findings';
  }
}
