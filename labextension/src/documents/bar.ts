/** The line at the top of the builder's page. */
import { button, drawing, element, setText } from '../dom';
import * as icons from '../icons';

const THEME = 'builder-jupyter-theme';

/** What its buttons do. */
export interface BarActions {
  home: () => void;
  save: () => void;
  code: () => void;
  exportFile: () => void;
}

/** Home, the open workflow's name and state, and what can be done with it. */
export class Bar {
  readonly node: HTMLElement;

  constructor(actions: BarActions) {
    const act = (label: string, call: () => void, css = 'jp-bj-push') =>
      button(css, label, call, label);
    this.open.append(
      act('Export', actions.exportFile),
      act('Generate code', actions.code),
      act('Save', actions.save, 'jp-bj-push jp-mod-main')
    );
    this.node = element(
      'header',
      'jp-bj-bar-top',
      {},
      button('jp-bj-brand', 'Workflows', actions.home, drawing(icons.FLOW), 'Workflows'),
      element('h1', 'jp-bj-bar-name', {}, this.name, this.state),
      this.open,
      button('jp-bj-push jp-mod-plain', 'Light or dark', toggleTheme, '◐')
    );
    this.show(null, false);
  }

  /** Show which workflow is open, and whether it has unsaved changes. */
  show(name: string | null, isDirty: boolean): void {
    this.open.hidden = name === null;
    setText(this.name, name ?? '');
    setText(this.state, name === null ? '' : isDirty ? 'not saved' : 'saved');
    document.title = name === null ? 'Workflow builder' : `${isDirty ? '● ' : ''}${name}`;
  }

  private readonly open = element('div', 'jp-bj-bar-actions');
  private readonly name = element('span');
  private readonly state = element('span', 'jp-bj-quiet', { role: 'status' });
}

/** Take on the theme that was chosen last, else the system's. */
export function beginTheme(): void {
  const kept = localStorage.getItem(THEME);
  const system = matchMedia('(prefers-color-scheme: dark)');
  setTheme(kept === null ? system.matches : kept === 'dark');
  system.addEventListener('change', event => {
    if (localStorage.getItem(THEME) === null) {
      setTheme(event.matches);
    }
  });
}

function toggleTheme(): void {
  const isDark = document.body.dataset.jpThemeLight === 'true';
  localStorage.setItem(THEME, isDark ? 'dark' : 'light');
  setTheme(isDark);
}

function setTheme(isDark: boolean): void {
  document.body.dataset.jpThemeLight = String(!isDark);
  document.body.dataset.jpThemeName = isDark ? 'Builder Dark' : 'Builder Light';
}
