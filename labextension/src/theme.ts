/** The colours of Jupyter's theme, read from the page: a drawing on a canvas cannot use CSS variables. */

/** What a drawing needs to know of the theme. */
export interface Theme {
  card: string;
  text: string;
  dim: string;
  line: string;
  accent: string;
  font: string;
  isDark: boolean;
  /** Whether the reader wants nothing to move. */
  isStill: boolean;
}

/** The colour of an edge that nothing is to be said of. */
export function lineColor(theme: Theme): string {
  return theme.isDark ? '#6b7889' : '#8390a3';
}

/** Read the theme as it is at an element. */
export function readTheme(at: Element): Theme {
  const style = getComputedStyle(at);
  const of = (name: string, otherwise: string) => style.getPropertyValue(name).trim() || otherwise;
  return {
    card: of('--jp-layout-color1', '#ffffff'),
    text: of('--jp-ui-font-color1', '#1f2937'),
    dim: of('--jp-ui-font-color2', '#5b6676'),
    line: of('--jp-border-color1', '#b6c0cd'),
    accent: of('--jp-brand-color1', '#2563eb'),
    font: of('--jp-ui-font-family', 'system-ui, sans-serif'),
    isDark: document.body.dataset.jpThemeLight === 'false',
    isStill: matchMedia('(prefers-reduced-motion: reduce)').matches
  };
}

/** Call back whenever the theme changes; call the answer to stop. */
export function onThemeChange(call: () => void): () => void {
  const observer = new MutationObserver(() => {
    requestAnimationFrame(call); // the variables change a little after the name
  });
  observer.observe(document.body, {
    attributes: true,
    attributeFilter: ['data-jp-theme-name', 'data-jp-theme-light']
  });
  return () => {
    observer.disconnect();
  };
}
