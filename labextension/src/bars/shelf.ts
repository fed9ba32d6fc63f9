/** Which of the saved workflows are shown. Plain data. */
import type { WireWorkflow, WorkflowSummary } from '../types';

/** Marks of publication; the server makes them, a copy has none. */
const MARKS = ['deployed', 'deployed_at', 'deployed_version'];

/** The workflows whose name, description or tags hold every word, and that have all of these tags. */
export function found(
  all: readonly WorkflowSummary[],
  search: string,
  tags: ReadonlySet<string>
): WorkflowSummary[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter(one => {
    const text = [one.name, one.description, ...one.tags].join(' ').toLowerCase();
    return (
      words.every(word => text.includes(word)) && [...tags].every(tag => one.tags.includes(tag))
    );
  });
}

/** The tags there are, those of most workflows first. */
export function tagsOf(all: readonly WorkflowSummary[]): string[] {
  const counts = new Map<string, number>();
  for (const tag of all.flatMap(one => one.tags)) {
    counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }
  const byCount = [...counts].sort(([a, many], [b, more]) => more - many || a.localeCompare(b));
  return byCount.map(([tag]) => tag);
}

/** Whether the first page says nothing new of what is known. */
export function isKnown(
  known: readonly WorkflowSummary[],
  page: readonly WorkflowSummary[]
): boolean {
  return page.every((one, index) => {
    const same = known[index];
    return (
      same?.id === one.id && same.version === one.version && same.updated_at === one.updated_at
    );
  });
}

/** A name for a copy that no other workflow has. */
export function copyName(name: string, taken: readonly string[]): string {
  const base = name.replace(/ copy( \d+)?$/, '');
  for (let number = 1; ; number += 1) {
    const wanted = `${base} copy${number > 1 ? ` ${number}` : ''}`;
    if (!taken.includes(wanted)) {
      return wanted;
    }
  }
}

/** A stored workflow as a file has it: without what the server keeps about it. */
export function content(stored: WireWorkflow): WireWorkflow {
  const { name, description, nodes, edges, metadata, dialect } = stored;
  const kept = Object.entries(metadata ?? {}).filter(([mark]) => !MARKS.includes(mark));
  return {
    ...{ name, description: description ?? '', nodes, edges },
    metadata: Object.fromEntries(kept),
    ...(dialect === undefined ? {} : { dialect })
  };
}
