/** Groups taken by their titles: dragging moves the members, a double click renames, the menu is that of the members. */
import type { GroupLayer } from '../groups';
import type { DocGroup } from '../types';
import type { Surface } from './surface';
import type { Point } from './wire';

/** How far the pointer goes before a press is a drag. */
const SLACK = 3;

/** What comes of it. */
export interface GroupDragActions {
  mayMove: () => boolean;
  moved: (places: Map<string, Point>) => void;
  open: (id: string) => void;
  menu: (at: Point) => void;
  /** Give the graph the keyboard. */
  focus: () => void;
}

/** Make titles something to take hold of; call the answer to end that. */
export function dragGroups(
  layer: GroupLayer,
  surface: Surface,
  actions: GroupDragActions
): () => void {
  let end: (() => void) | null = null;
  const press = (group: DocGroup, event: PointerEvent): void => {
    event.preventDefault();
    actions.focus();
    end?.();
    if (!actions.mayMove()) {
      return;
    }
    const begun = surface.places(group.nodes);
    const zoom = surface.graph.core.zoom();
    let places: Map<string, Point> | null = null;
    const onMove = ({ clientX, clientY }: PointerEvent): void => {
      const [dx, dy] = [clientX - event.clientX, clientY - event.clientY];
      if (places || Math.hypot(dx, dy) > SLACK) {
        places = new Map(
          begun.map(([id, { x, y }]) => [id, { x: x + dx / zoom, y: y + dy / zoom }])
        );
        surface.put(places);
      }
    };
    const onUp = (): void => {
      end?.();
      if (places) {
        actions.moved(places);
      }
    };
    const onCancel = (): void => {
      end?.();
      surface.put(begun);
    };
    const onKey = (key: KeyboardEvent): void => {
      if (key.key === 'Escape' && places) {
        key.stopPropagation();
        onCancel();
      }
    };
    window.addEventListener('pointermove', onMove);
    window.addEventListener('pointerup', onUp);
    window.addEventListener('pointercancel', onCancel);
    window.addEventListener('keydown', onKey, true);
    end = () => {
      window.removeEventListener('pointermove', onMove);
      window.removeEventListener('pointerup', onUp);
      window.removeEventListener('pointercancel', onCancel);
      window.removeEventListener('keydown', onKey, true);
      end = null;
    };
  };
  layer.actions = {
    press,
    open: group => {
      if (actions.mayMove()) {
        actions.open(group.id);
      }
    },
    menu: (_, event) => {
      actions.menu({ x: event.clientX, y: event.clientY });
    }
  };
  return () => {
    end?.();
    layer.actions = {};
  };
}
