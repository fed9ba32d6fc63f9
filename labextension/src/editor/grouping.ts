/** Groups as changes: what grouping, ungrouping and leaving a group come to. */
import type { DocGroup } from '../types';
import type { Change } from './host';
import { freshId } from './wire';

/** The groups of which any of the nodes is a member. */
export function groupsOf(groups: DocGroup[], ids: Iterable<string>): DocGroup[] {
  const chosen = new Set(ids);
  return groups.filter(group => group.nodes.some(id => chosen.has(id)));
}

/** Whether nodes are exactly the members of a group. */
export function isWhole(group: DocGroup, ids: Iterable<string>): boolean {
  const chosen = new Set(ids);
  return chosen.size === group.nodes.length && group.nodes.every(id => chosen.has(id));
}

/** Put nodes in a group: a new one, or the one that lies among them whole, which grows. Which one it is comes along. */
export function grouping(groups: DocGroup[], ids: string[]): { id: string; changes: Change[] } {
  const chosen = new Set(ids);
  const inside = groups.filter(group => group.nodes.every(id => chosen.has(id)));
  const [only] = inside;
  if (only && inside.length === 1) {
    const changes = isWhole(only, ids)
      ? []
      : [{ op: 'replace_group', group_id: only.id, group: { ...only, nodes: ids } }];
    return { id: only.id, changes };
  }
  const group = { ...newGroup(groups), nodes: ids };
  return { id: group.id, changes: [{ op: 'add_group', group }] };
}

/** Take away the boxes of all groups of which any of the nodes is a member. */
export function ungrouping(groups: DocGroup[], ids: string[]): Change[] {
  return groupsOf(groups, ids).map(({ id }) => ({ op: 'remove_group', group_id: id }));
}

/** Take nodes out of their groups; a group that would be empty goes. */
export function leaving(groups: DocGroup[], ids: string[]): Change[] {
  const gone = new Set(ids);
  return groupsOf(groups, ids).map(group => {
    const nodes = group.nodes.filter(id => !gone.has(id));
    return nodes.length
      ? { op: 'replace_group', group_id: group.id, group: { ...group, nodes } }
      : { op: 'remove_group', group_id: group.id };
  });
}

/** Copies of groups whose members have been copied under other ids. */
export function copies(groups: DocGroup[], copied: DocGroup[], ids: Map<string, string>): Change[] {
  const taken = new Set(groups.map(group => group.id));
  return copied.flatMap(({ title, nodes }) => {
    const members = nodes.map(id => ids.get(id)).filter(id => id !== undefined);
    const group = { id: members.length ? freshId('group', taken) : '', title, nodes: members };
    return members.length ? [{ op: 'add_group', group }] : [];
  });
}

function newGroup(groups: DocGroup[]): { id: string; title: string } {
  const titles = new Set(groups.map(group => group.title));
  let title = 'Group';
  for (let number = 2; titles.has(title); number += 1) {
    title = `Group ${String(number)}`;
  }
  return { id: freshId('group', new Set(groups.map(group => group.id))), title };
}
