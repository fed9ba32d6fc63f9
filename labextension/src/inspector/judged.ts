/** What validation says, sorted by where it belongs: a field of a form, a node, an edge. Plain data. */
import type { Finding, Findings } from '../editor/host';

/** The fields that a finding is about, by its type; of these a form shows it under the first that it has. */
const FIELDS: Record<string, string[]> = {
  EMPTY_PROMPT: ['prompt'],
  INVALID_PATTERN: ['conditions'],
  ROUTER_NO_DEFAULT: ['default'],
  UNMATCHED_LABEL: ['conditions', 'options'],
  UNKNOWN_TOOL: ['tools', 'tool_name'],
  MISSING_TOOL_NAME: ['tool_name'],
  EMPTY_CODE: ['code'],
  INVALID_CODE: ['code'],
  INVALID_EXPRESSION: ['output', 'arguments', 'items', 'inputs'],
  UNASSIGNED_STATE: ['output', 'arguments', 'items', 'inputs'],
  DUPLICATE_NODE_ID: [' id']
};

/** Findings in the order in which they matter: errors first. */
export function listed(findings: Findings | null): Finding[] {
  return findings ? [...findings.errors, ...findings.warnings] : [];
}

/** The nodes that a finding names. */
export function nodesOf(finding: Finding): string[] {
  return finding.node_id === undefined ? (finding.node_ids ?? []) : [finding.node_id];
}

/** The two ends of the edge that a finding names; null where it names none. */
export function edgeOf(finding: Finding): [string, string] | null {
  const { source, target, node_id: nodeId } = finding;
  return nodeId === undefined && source !== undefined && target !== undefined
    ? [source, target]
    : null;
}

/** The field of a form under which a finding belongs; `''` where it is about the node as a whole. */
export function fieldOf(finding: Finding, fields: Iterable<string>): string {
  const known = new Set(fields);
  const named = FIELDS[finding.type]?.find(name => known.has(name));
  if (named !== undefined) {
    return named;
  }
  const repaired = (finding.fixes ?? [])
    .flatMap(fix => fix.changes)
    .find(change => change.op === 'set_data' && change.node_id === finding.node_id)?.field;
  return typeof repaired === 'string' && known.has(repaired) ? repaired : '';
}

/** The findings about one node, by the field under which each belongs; those about all of it under `''`. */
export function byField(
  findings: Findings | null,
  nodeId: string,
  fields: readonly string[]
): Map<string, Finding[]> {
  const found = new Map<string, Finding[]>();
  for (const finding of listed(findings)) {
    if (nodesOf(finding).includes(nodeId)) {
      const field = fieldOf(finding, fields);
      found.set(field, [...(found.get(field) ?? []), finding]);
    }
  }
  return found;
}

/** How bad it is about each node: `error` wins. */
export function worst(findings: Findings | null): Map<string, Finding['severity']> {
  const marks = new Map<string, Finding['severity']>();
  for (const finding of listed(findings)) {
    for (const id of nodesOf(finding)) {
      if (!marks.has(id)) {
        marks.set(id, finding.severity);
      }
    }
  }
  return marks;
}

/** The number of findings in words. */
export function counted(findings: Findings | null): string {
  if (!findings) {
    return '';
  }
  const words = (count: number, noun: string): string =>
    count ? `${count} ${noun}${count === 1 ? '' : 's'}` : '';
  const { errors, warnings } = findings;
  return (
    [words(errors.length, 'error'), words(warnings.length, 'warning')].filter(Boolean).join(', ') ||
    'No problems'
  );
}
