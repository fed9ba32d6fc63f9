/** Credits: the balance, and how much may be spent in a month. */
import { element, setText } from '../dom';
import { action, announce } from './pieces';
import { formOf, Section, textField } from './section';
import { type Budget, budgetOf, factsOfBudget, type SettingsApi } from './settings-data';

const BUDGET = 'api/builder/budget';

/** Balance and budget; nothing is shown where the server keeps none, or one's role may not see it. */
export class MoneySection extends Section {
  constructor(private readonly api: SettingsApi) {
    super('Credits');
    const save = action('Save', 'Limit what is spent in a month to this', () => undefined, 'main');
    save.type = 'submit';
    const form = formOf(
      'Monthly budget',
      () => void this.attempt(() => this.save()),
      this.limit.node,
      element('div', 'jp-bj-actions', {}, save)
    );
    this.body.append(this.balance, this.about, this.problem, form);
  }

  override async load(): Promise<void> {
    const [budget, account] = await Promise.all([
      this.api.find<Budget>(BUDGET),
      this.api.find<{ balance: number }>('api/mcp/credits/balance')
    ]);
    this.budget = budget;
    this.credits = account?.balance ?? null;
  }

  override draw(): void {
    this.node.hidden = this.budget === null && this.credits === null;
    setText(this.balance, this.credits === null ? '' : `${this.credits} credits`);
    setText(this.about, this.budget ? factsOfBudget(this.budget) : '');
    this.limit.node.hidden = this.budget === null;
    if (this.limit.input.value === this.filled) {
      this.fill();
    }
  }

  private budget: Budget | null = null;
  private credits: number | null = null;
  private readonly balance = element('div', 'jp-bj-balance');
  private readonly about = element('div', 'jp-bj-note');
  private readonly limit = textField('Budget a month, in credits; empty for none', {
    inputmode: 'numeric',
    maxlength: '12'
  });

  /** What was put into the box last; anything else in it was typed, and stays. */
  private filled = '';

  private fill(): void {
    this.filled = String(this.budget?.creditsPerMonth ?? '');
    this.limit.input.value = this.filled;
  }

  private async save(): Promise<void> {
    const creditsPerMonth = budgetOf(this.limit.input.value);
    this.budget = await this.api.send<Budget>('PUT', BUDGET, { creditsPerMonth });
    this.fill();
    this.draw();
    announce('The budget was saved');
  }
}
