/** Keys under one name on all machines: `Mod` is Control, and Command on a Mac. */

/** A pressed key by name, e.g. `Mod+Shift+Z`, `Delete`, `C`. Shift is named with letters and named keys only. */
export function keyOf(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const shifts = event.shiftKey && (event.key.length > 1 || /\p{L}/u.test(event.key));
  return [(event.ctrlKey || event.metaKey) && 'Mod', event.altKey && 'Alt', shifts && 'Shift', key]
    .filter(Boolean)
    .join('+');
}

/** A key's name as a menu shows it. */
export function shownKey(key: string, isMac = /Mac OS|iPad/.test(navigator.userAgent)): string {
  const words: Record<string, string> = { Mod: isMac ? '⌘' : 'Ctrl', Delete: isMac ? '⌫' : 'Del' };
  return key
    .split('+')
    .map(part => words[part] ?? part)
    .join(isMac ? '' : '+');
}
