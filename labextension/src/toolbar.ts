/** The line above the graph: name, Run and Cancel, how the run gets on, and the view. */
import type { Controller } from './controller';
import { button, drawing, element, setText } from './dom';
import { estimated } from './estimate';
import * as icons from './icons';
import { badge, executionMark } from './marks';
import { counted, duration } from './text';

const RUN = 'Run the workflow';

/** What the buttons do. */
export interface Actions {
  run: () => void;
  fit: () => void;
  zoom: (factor: number) => void;
  togglePane: () => void;
}

/** The toolbar of one view. */
export class Toolbar {
  readonly node: HTMLElement;

  constructor(
    private readonly controller: Controller,
    actions: Actions
  ) {
    this.start = button('jp-bj-run', RUN, actions.run, drawing(icons.PLAY), 'Run');
    this.stop = button(
      'jp-bj-cancel',
      'Cancel the run',
      () => void controller.cancel(),
      drawing(icons.STOP),
      'Cancel'
    );
    this.pane = button('jp-bj-tool', 'Details', actions.togglePane, drawing(icons.PANE));
    this.node = element(
      'div',
      'jp-bj-toolbar',
      { role: 'toolbar', 'aria-label': 'Workflow' },
      this.title,
      element('div', 'jp-bj-state', {}, this.icon, this.word, this.bar, this.numbers),
      this.tools,
      this.start,
      this.stop,
      element(
        'div',
        'jp-bj-tools',
        {},
        button(
          'jp-bj-tool',
          'Zoom out (−)',
          () => {
            actions.zoom(1 / 1.25);
          },
          drawing(icons.MINUS)
        ),
        button(
          'jp-bj-tool',
          'Zoom in (+)',
          () => {
            actions.zoom(1.25);
          },
          drawing(icons.PLUS)
        ),
        button('jp-bj-tool', 'Show all (F)', actions.fit, drawing(icons.FIT)),
        this.pane
      )
    );
    this.update();
  }

  /** The place of the editor's own buttons, before those of the view. */
  readonly tools = element('div', 'jp-bj-tools');

  /** Show a name and whether there is a node to start from. */
  setDoc(name: string, canRun: boolean): void {
    setText(this.title, name);
    this.title.title = name;
    this.canRun = canRun;
    this.update();
  }

  /** Say whether the pane is open. */
  setPane(isOpen: boolean): void {
    this.pane.setAttribute('aria-pressed', String(isOpen));
  }

  /** Show the state of the run. Called often: it touches only what differs. */
  update(): void {
    const { controller } = this;
    const run = controller.run?.id ? controller.run : null;
    const isActive = run !== null && !run.isOver;
    const cost = estimated(controller.forecast.value);
    this.start.title = cost ? `${RUN} · ${cost}` : RUN;
    this.start.disabled = !this.canRun || isActive || controller.isStarting;
    this.stop.disabled = !isActive || run.cancelling;
    this.stop.hidden = !isActive;
    this.start.hidden = isActive;
    this.word.parentElement?.classList.toggle(
      'jp-mod-empty',
      !run && !controller.isStarting && !cost
    );
    if (!run) {
      setText(this.word, controller.isStarting ? 'starting' : '');
      this.icon.replaceChildren();
      this.drawn = '';
      setText(this.numbers, cost);
      this.bar.hidden = true;
      return;
    }
    const said = run.cancelling && isActive ? 'cancelling' : run.status;
    setText(this.word, controller.isLinked || !isActive ? said : `${said} · reconnecting`);
    if (this.drawn !== run.status) {
      this.drawn = run.status;
      this.icon.replaceChildren(drawing(badge(executionMark(run.status), 16)));
      this.node.dataset.status = run.status;
      this.fill.style.backgroundColor = executionMark(run.status).color;
    }
    const share = run.planned ? Math.min(1, run.done / run.planned) : 0;
    const percent = run.status === 'completed' ? 100 : Math.round(share * 100);
    this.bar.hidden = false;
    this.bar.setAttribute('aria-valuenow', String(percent));
    this.fill.style.width = `${percent}%`;
    const elapsed = controller.elapsed;
    setText(
      this.numbers,
      [
        `${run.done}/${run.planned} steps`,
        elapsed === null ? '' : duration(elapsed),
        counted(run.credits, 'credit')
      ]
        .filter(Boolean)
        .join(' · ')
    );
  }

  private canRun = false;
  private drawn = '';
  private readonly start: HTMLButtonElement;
  private readonly stop: HTMLButtonElement;
  private readonly pane: HTMLButtonElement;
  private readonly title = element('div', 'jp-bj-title');
  private readonly icon = element('span', 'jp-bj-mark');
  private readonly word = element('span', 'jp-bj-word', { role: 'status', 'aria-live': 'polite' });
  private readonly fill = element('div', 'jp-bj-fill');
  private readonly bar = element(
    'div',
    'jp-bj-bar',
    {
      role: 'progressbar',
      'aria-label': 'Steps done',
      'aria-valuemin': '0',
      'aria-valuemax': '100'
    },
    this.fill
  );
  private readonly numbers = element('span', 'jp-bj-numbers');
}
