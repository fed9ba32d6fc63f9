import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Estimate, estimated, Forecast } from '../src/estimate';

const cheap: Estimate = { credits: 1, mayRepeat: false };
const dear: Estimate = { credits: 9, mayRepeat: false };

describe('what a run would cost', () => {
  const ask = vi.fn<(trigger: string) => Promise<Estimate | null>>();
  const tell = vi.fn();

  beforeEach(() => {
    vi.useFakeTimers();
    ask.mockReset().mockResolvedValue(cheap);
    tell.mockReset();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('is asked for once the graph is still', async () => {
    const forecast = new Forecast(ask, tell);
    for (const trigger of ['a', 'b', 'c']) {
      forecast.about(trigger);
      await vi.advanceTimersByTimeAsync(300);
    }
    expect(ask).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1000);
    expect(ask.mock.calls).toEqual([['c']]);
    expect(forecast.value).toEqual(cheap);
    expect(tell).toHaveBeenCalledOnce();
  });

  it('is not that of an older graph, however late that answer comes', async () => {
    const forecast = new Forecast(ask, tell);
    let late: (value: Estimate) => void = () => undefined;
    ask.mockReturnValueOnce(
      new Promise(resolve => {
        late = resolve;
      })
    );
    forecast.about('old');
    await vi.advanceTimersByTimeAsync(1000);
    forecast.about('new');
    await vi.advanceTimersByTimeAsync(1000);
    late(dear);
    await vi.advanceTimersByTimeAsync(1000);
    expect(forecast.value).toEqual(cheap);
  });

  it('is unknown for a graph that cannot run, and for none to start from', async () => {
    const forecast = new Forecast(ask, tell);
    for (const trigger of ['broken', null]) {
      forecast.value = dear;
      ask.mockRejectedValueOnce(new Error('It has a cycle.'));
      forecast.about(trigger);
      await vi.advanceTimersByTimeAsync(1000);
      expect(forecast.value).toBeNull();
    }
    forecast.about('start');
    forecast.dispose();
    await vi.advanceTimersByTimeAsync(1000);
    expect(ask).toHaveBeenCalledOnce();
  });

  it('is said in words', () => {
    expect(estimated(null)).toBe('');
    expect(estimated(cheap)).toBe('Up to 1 credit a run');
    expect(estimated({ credits: 0, mayRepeat: false })).toBe('A run costs nothing');
    expect(estimated({ credits: 2.5, mayRepeat: true })).toBe(
      'About 2.5 credits a run, more where steps repeat'
    );
  });
});
