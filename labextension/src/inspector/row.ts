/** A field of a form: label, control, help, and what is wrong. It keeps what is typed until it has been taken. */
import { element, setText } from '../dom';
import type { Finding, Fix } from '../editor/host';
import type { Control } from './control';
import { issue } from './issue';
import { FieldLabel, type FieldText } from './label';

/** How long nobody types before what was typed is taken, in milliseconds. */
const PAUSE_MS = 1200;

/** A row of a form. */
export class FieldRow {
  readonly node: HTMLElement;

  /** `take` is called with a value that differs from what is there; it rejects with a message. */
  constructor(
    text: FieldText,
    readonly control: Control,
    private readonly take: (value: unknown) => Promise<void>,
    private readonly mend: (fix: Fix) => void
  ) {
    this.node = new FieldLabel(text, control, this.fault, this.issues).node;
    this.fault.hidden = this.issues.hidden = true;
    control.onInput = () => {
      this.isDirty = true;
      this.turn += 1;
      clearTimeout(this.pause);
      this.pause = setTimeout(() => {
        this.save();
      }, PAUSE_MS);
    };
    control.onDone = () => {
      this.save();
    };
  }

  /** Show a value, unless another is being typed. */
  show(value: unknown): void {
    const key = JSON.stringify(value);
    this.value = value;
    if (!this.isDirty && key !== this.drawn) {
      this.drawn = key;
      if (this.isNew || JSON.stringify(filled(this.entered())) !== JSON.stringify(filled(value))) {
        this.control.set(value); // not where it stands there already: it may have the cursor
      }
      this.isNew = false;
    }
  }

  /** Show what validation says about the field. */
  judge(findings: readonly Finding[]): void {
    const key = JSON.stringify(findings);
    if (key === this.judged) {
      return;
    }
    this.judged = key;
    this.issues.replaceChildren(...findings.map(finding => issue(finding, this.mend)));
    this.issues.hidden = !findings.length;
    const isWrong = findings.some(finding => finding.severity === 'error');
    this.control.target.setAttribute('aria-invalid', String(isWrong));
  }

  /** Take what has been typed. */
  save(): void {
    clearTimeout(this.pause);
    if (!this.isDirty || this.sent === this.turn) {
      return;
    }
    let value: unknown;
    try {
      value = filled(this.control.get());
    } catch (error) {
      this.complain(messageOf(error));
      return;
    }
    if (JSON.stringify(value) === JSON.stringify(filled(this.value))) {
      this.settle();
      return;
    }
    const turn = (this.sent = this.turn);
    this.take(value).then(
      () => {
        if (this.turn === turn) {
          this.settle();
        }
      },
      (error: unknown) => {
        if (this.turn === turn) {
          this.sent = -1; // it may be tried again
        }
        this.complain(messageOf(error));
      }
    );
  }

  private value: unknown;
  private isNew = true;
  private drawn: string | null | undefined = null;
  private judged = '[]';
  private isDirty = false;
  /** Counts what is typed, so that an answer that comes late does not undo what came after. */
  private turn = 0;
  private sent = -1;
  private pause: ReturnType<typeof setTimeout> | undefined;
  private readonly fault = element('div', 'jp-bj-fault', { role: 'alert' });
  private readonly issues = element('div', 'jp-bj-issues');

  /** What stands in the control; undefined where that is nothing, or nothing that can be read. */
  private entered(): unknown {
    try {
      return this.control.get();
    } catch {
      return undefined;
    }
  }

  private settle(): void {
    this.isDirty = false;
    this.complain('');
    this.drawn = null;
    this.show(this.value);
  }

  private complain(message: string): void {
    setText(this.fault, message);
    this.fault.hidden = !message;
  }
}

/** A value, undefined where it is empty: what is empty is left out of a node's data. */
function filled(value: unknown): unknown {
  const isEmpty =
    value === '' ||
    value === null ||
    (typeof value === 'object' && Object.keys(value).length === 0);
  return isEmpty ? undefined : value;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
