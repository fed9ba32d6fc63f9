/** Finding nodes by what people call them. */
import type { DocNode } from '../types';

/** The nodes whose label, id or type has all the words, best first: by how early the first word stands in them. */
export function matches(nodes: DocNode[], query: string, most = 20): DocNode[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) {
    return [];
  }
  const found: { node: DocNode; rank: number }[] = [];
  for (const node of nodes) {
    const fields = [node.label, node.id, node.type].map(field => field.toLowerCase());
    if (words.every(word => fields.some(field => field.includes(word)))) {
      const places = fields.map((field, at) => {
        const place = field.indexOf(words[0] ?? '');
        return place < 0 ? Infinity : at * 1000 + place;
      });
      found.push({ node, rank: Math.min(...places) });
    }
  }
  return found
    .sort((a, b) => a.rank - b.rank)
    .slice(0, most)
    .map(({ node }) => node);
}
