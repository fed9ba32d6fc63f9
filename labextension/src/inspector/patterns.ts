/** A look at a router's pattern while it is typed. Validation, which has RE2 itself, has the last word. */

const REFUSED: [RegExp, string][] = [
  [/\(\?<?[=!]/, 'Look-around is not allowed here.'],
  [/\\[1-9]|\(\?P=/, 'Back references are not allowed here.']
];

/** What is wrong with a pattern; `''` for nothing. */
export function patternFault(pattern: string): string {
  const plain = pattern.replace(/\\\\/g, '');
  const refused = REFUSED.find(([sign]) => sign.test(plain));
  if (refused) {
    return refused[1];
  }
  // Python's spelling, which JavaScript does not know: names of groups, and flags in front.
  const spelled = pattern.replaceAll('(?P<', '(?<').replace(/^\(\?[aimsux]+\)/, '');
  try {
    new RegExp(spelled, 'i');
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return `Not a pattern: ${said.slice(said.lastIndexOf(': ') + 2).toLowerCase()}.`;
  }
  return '';
}
