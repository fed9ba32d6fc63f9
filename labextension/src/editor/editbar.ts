/** The editor's buttons in the toolbar: undo, redo, arrange, find, map. */
import { button, drawing } from '../dom';
import * as icons from '../icons';
import type { EditableDoc } from './host';
import { shownKey } from './keys';

/** What the buttons do. */
export interface BarActions {
  undo: () => void;
  redo: () => void;
  arrange: (at: { x: number; y: number }) => void;
  find: () => void;
  /** Show or hide the map; whether it is there now. */
  map: () => boolean;
}

/** The buttons of one canvas. */
export class EditBar {
  constructor(place: HTMLElement, actions: BarActions) {
    const make = (title: string, icon: string, onClick: () => void): HTMLButtonElement =>
      button('jp-bj-tool', title, onClick, drawing(icon));
    this.undo = make('Undo', icons.UNDO, actions.undo);
    this.redo = make('Redo', icons.REDO, actions.redo);
    const arrange = make('Arrange', icons.ARRANGE, () => {
      const { left, bottom } = arrange.getBoundingClientRect();
      actions.arrange({ x: left, y: bottom + 4 });
    });
    arrange.setAttribute('aria-haspopup', 'menu');
    const find = make(`Find a node (${shownKey('Mod+F')})`, icons.SEARCH, actions.find);
    this.map = make('Map', icons.MAP, () => {
      this.showMap(actions.map());
    });
    place.replaceChildren(this.undo, this.redo, arrange, find, this.map);
  }

  /** Say what can be undone and done again. */
  setDoc(doc: EditableDoc, isEditable: boolean): void {
    this.name(this.undo, 'Undo', 'Mod+Z', isEditable ? doc.undoes : null);
    this.name(this.redo, 'Redo', 'Mod+Shift+Z', isEditable ? doc.redoes : null);
  }

  /** Say whether the map is there. */
  showMap(isShown: boolean): void {
    this.map.setAttribute('aria-pressed', String(isShown));
  }

  private readonly undo: HTMLButtonElement;
  private readonly redo: HTMLButtonElement;
  private readonly map: HTMLButtonElement;

  private name(target: HTMLButtonElement, verb: string, key: string, what?: string | null): void {
    target.disabled = !what;
    target.title = what
      ? `${verb}: ${what} (${shownKey(key)})`
      : `Nothing to ${verb.toLowerCase()}`;
    target.setAttribute('aria-label', what ? `${verb}: ${what}` : verb);
  }
}
