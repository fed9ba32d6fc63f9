/** Everything about one node: how it stands, what it says, what came in, what went out, what it is made of. */
import { lookOf, tile } from './card';
import type { Controller } from './controller';
import { drawing, element, setText } from './dom';
import { Acts } from './inspector/acts';
import { AnswerForm } from './inspector/answer';
import { Countdown } from './inspector/countdown';
import { Displayed } from './inspector/display';
import { mediaOf, MediaView } from './inspector/media';
import { wireNode } from './inspector/wire';
import { badge, MARKS } from './marks';
import { pendingStep, type Run, type Step, textOf } from './run';
import { counted, duration, plain } from './text';
import type { Doc, StepStatus } from './types';

const SHORT = 4000;

/** The details of the node that is selected. */
export class NodeDetails {
  readonly node = element('div', 'jp-bj-details');

  /** `inputs` are those of a run that is begun here; `form`, where the node can be edited, stands for its data. */
  constructor(
    private readonly controller: Controller,
    inputs: () => Record<string, unknown>,
    private readonly form: HTMLElement | null = null
  ) {
    this.acts = new Acts(controller, inputs);
    this.media = new MediaView(id => controller.asset(id));
    this.answer = new AnswerForm(value => controller.answer(this.nodeId, value));
    this.node.append(
      element(
        'div',
        'jp-bj-column',
        {},
        element('div', 'jp-bj-who', {}, this.tile, element('div', '', {}, this.name, this.kind)),
        element('div', 'jp-bj-stands', {}, this.mark, this.status, this.numbers),
        this.countdown.node,
        this.answer.node,
        this.error.node,
        this.acts.node
      ),
      element(
        'div',
        'jp-bj-column',
        {},
        this.text.node,
        this.media.node,
        this.displayed.node,
        this.outputs.node
      ),
      element('div', 'jp-bj-column', {}, form, this.inputs.node, this.data.node)
    );
  }

  /** Show a node as it stands. Cheap enough for every frame: what is the same stays untouched. */
  update(doc: Doc, run: Run | null, nodeId: string): void {
    const node = doc.nodes.find(one => one.id === nodeId);
    if (!node) {
      return;
    }
    this.nodeId = nodeId;
    const look = lookOf(doc.looks, node.type);
    const step = run?.steps.get(nodeId) ?? (run?.id ? pendingStep() : null);
    setText(this.name, node.label);
    setText(this.kind, look.title === nodeId ? look.title : `${look.title} · ${nodeId}`);
    if (this.drawn !== look.icon + look.color) {
      this.drawn = look.icon + look.color;
      this.tile.replaceChildren(drawing(tile(look)));
    }
    this.showStatus(step);
    const isText = step !== null && textOf(step.outputs) === step.text;
    this.error.show(step?.error ? errorText(step) : '');
    this.text.show(
      step ? (step.missing ? '… ' : '') + step.text : '',
      step?.status === 'streaming'
    );
    this.outputs.show(step ? outputsText(step, isText) : '');
    this.inputs.show(run ? inputsText(doc, run, nodeId) : '');
    this.displayed.show(step?.display ?? NOTHING);
    this.media.show(step?.outputs ?? {}, `Made by ${node.label}`);
    const data = wireNode(doc, nodeId)?.data ?? {};
    this.data.show(
      this.form
        ? ''
        : Object.entries(data)
            .filter(([name]) => name !== 'name')
            .map(([name, value]) => `${name}: ${plain(value)}`)
            .join('\n')
    );
    this.showWaiting(step, data);
    this.acts.update(doc, run, nodeId);
  }

  private nodeId = '';
  private readonly acts: Acts;
  private readonly answer: AnswerForm;
  private readonly countdown = new Countdown();
  private readonly displayed = new Displayed();
  private readonly media: MediaView;
  private drawn = '';
  private marked: StepStatus | null = null;
  private readonly tile = element('span', 'jp-bj-tile');
  private readonly name = element('div', 'jp-bj-name');
  private readonly kind = element('div', 'jp-bj-kind');
  private readonly mark = element('span', 'jp-bj-mark');
  private readonly status = element('span', 'jp-bj-word');
  private readonly numbers = element('span', 'jp-bj-numbers');
  private readonly error = new Section('Error', 'jp-bj-problem');
  private readonly text = new Section('Text', 'jp-bj-text');
  private readonly outputs = new Section('Outputs', 'jp-bj-text jp-mod-code');
  private readonly inputs = new Section('Inputs', 'jp-bj-text jp-mod-quiet');
  private readonly data = new Section('Data', 'jp-bj-text jp-mod-quiet');

  /** Ask what a step waits for. Where there is no server to say what that is, the node's own data does. */
  private showWaiting(step: Step | null, data: Record<string, unknown>): void {
    const waits = step?.status === 'waiting';
    const point = waits ? step.waitpoint : null;
    const isAsked = waits && (point ? ANSWERABLE.has(point.kind) : this.controller.isKernels);
    const key = `${this.nodeId} ${step?.visit ?? 0} ${point?.waitpointId ?? ''}`;
    this.answer.ask(key, isAsked ? (point?.request ?? data) : null);
    const words = point?.kind === 'timer' ? 'Goes on' : 'Time is up';
    const at = step?.retryAt ?? point?.deadlineAt ?? null;
    this.countdown.show(step?.retryAt ? 'Tries again' : words, at, this.controller.now);
  }

  private showStatus(step: Step | null): void {
    const status = step?.status ?? null;
    if (this.marked !== status) {
      this.marked = status;
      this.mark.replaceChildren(...(status ? [drawing(badge(MARKS[status], 16))] : []));
    }
    const reason = step?.skipReason ? `: ${step.skipReason.replaceAll('_', ' ')}` : '';
    const waits = step?.waitsFor ? ` for ${step.waitsFor}` : '';
    setText(this.status, status ? `${status}${reason}${waits}` : 'not run yet');
    setText(this.numbers, step ? numbersOf(step) : '');
  }
}

const NOTHING: Record<string, unknown>[] = [];

/** What an answer from outside can end. */
const ANSWERABLE = new Set(['human', 'callback', 'user-turn']);

/** A titled text that is hidden while it is empty, and follows its end while it grows. */
class Section {
  readonly node: HTMLElement;

  constructor(title: string, className: string) {
    this.body = element('div', className);
    this.node = element(
      'section',
      'jp-bj-section',
      {},
      element('h3', 'jp-bj-heading', {}, title),
      this.body
    );
    this.node.hidden = true;
  }

  show(text: string, isGrowing = false): void {
    const { body } = this;
    this.node.hidden = !text;
    this.node.classList.toggle('jp-mod-growing', isGrowing);
    if (text === this.shown) {
      return;
    }
    const atEnd = body.scrollHeight - body.scrollTop - body.clientHeight < 24;
    const last = body.firstChild;
    if (isGrowing && last instanceof Text && text.startsWith(this.shown)) {
      last.appendData(text.slice(this.shown.length));
    } else {
      setText(body, text);
    }
    this.shown = text;
    if (isGrowing && atEnd) {
      body.scrollTop = body.scrollHeight;
    }
  }

  private shown = '';
  private readonly body: HTMLElement;
}

function numbersOf(step: Step): string {
  const took =
    step.startedAt !== null && step.finishedAt !== null ? step.finishedAt - step.startedAt : null;
  return [
    took === null ? '' : duration(took),
    step.usage ? `${step.usage.inputTokens} + ${step.usage.outputTokens} tokens` : '',
    step.credits ? counted(step.credits, 'credit') : '',
    step.attempt > 1 ? `attempt ${step.attempt}` : '',
    step.visit > 1 ? `visit ${step.visit}` : ''
  ]
    .filter(Boolean)
    .join(' · ');
}

function errorText(step: Step): string {
  const { message, code } = step.error ?? { message: '', code: null };
  return code ? `${message}\n${code}` : message;
}

function outputsText(step: Step, withoutText: boolean): string {
  const media = new Set(mediaOf(step.outputs).map(([port]) => port));
  const shown = Object.entries(step.outputs).filter(
    ([port, output]) =>
      !media.has(port) && !(withoutText && output.type === 'text' && output.value === step.text)
  );
  return shown.map(([port, output]) => `${port}: ${plain(output.value)}`).join('\n');
}

/** What reached a node: the run's inputs at a trigger, else what the nodes before it said. */
function inputsText(doc: Doc, run: Run, nodeId: string): string {
  const sources = doc.edges.filter(edge => edge.target === nodeId).map(edge => edge.source);
  if (!sources.length) {
    return Object.entries(run.inputs)
      .map(([name, value]) => `${name}: ${plain(value)}`)
      .join('\n');
  }
  const labels = new Map(doc.nodes.map(node => [node.id, node.label]));
  return sources
    .map(source => [labels.get(source) ?? source, run.steps.get(source)?.text ?? ''] as const)
    .filter(([, text]) => text)
    .map(([label, text]) => `${label}: ${text.slice(0, SHORT)}`)
    .join('\n\n');
}
