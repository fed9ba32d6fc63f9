/** Numbers and values as people read them. */

/** Seconds with one decimal, then minutes. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 60) {
    return `${seconds.toFixed(1)} s`;
  }
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

/** A number with its noun: `1 credit`, `2 credits`. */
export function counted(count: number, noun: string): string {
  return `${Number(count.toFixed(4))} ${noun}${count === 1 ? '' : 's'}`;
}

/** How long until then, in words. */
export function until(ms: number, now: number): string {
  const seconds = Math.ceil((ms - now) / 1000);
  if (seconds <= 0) {
    return 'time is up';
  }
  if (seconds < 60) {
    return `${seconds} s left`;
  }
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} min ${seconds % 60} s left`;
  }
  if (seconds < 86_400) {
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min left`;
  }
  return `${Math.floor(seconds / 86_400)} d left`;
}

/** A JSON-like value as text: itself when it is text. */
export function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null, null, 2);
}

/** How long ago, in words. */
export function ago(ms: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  if (seconds < 60) {
    return 'just now';
  }
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} min ago`;
  }
  if (seconds < 86_400) {
    return `${Math.floor(seconds / 3600)} h ago`;
  }
  return `${Math.floor(seconds / 86_400)} d ago`;
}
