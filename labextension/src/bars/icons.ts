/** The side bars' drawings; those of the tabs take the theme's colours by class, as JupyterLab's own do. */
const tab = (shapes: string) =>
  '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 22 22">' +
  `<g class="jp-icon3" fill="#616161">${shapes}</g></svg>`;

export const RUNS = tab(
  '<path d="M3 3.6v6.8a.6.6 0 0 0 .9.5l5.6-3.4a.6.6 0 0 0 0-1L3.9 3.1a.6.6 0 0 0-.9.5z"/>' +
    '<rect x="12" y="6" width="8" height="2" rx="1"/><rect x="3" y="13" width="17" height="2" rx="1"/>' +
    '<rect x="3" y="17.4" width="12" height="2" rx="1"/>'
);
export const INBOX = tab(
  '<path fill-rule="evenodd" d="M5.4 3h11.2c.5 0 .9.3 1 .7L20 11.6V18a1.4 1.4 0 0 1-1.4 1.4H3.4A1.4 1.4 0 0 1 2 18' +
    'v-6.4l2.4-7.9c.1-.4.5-.7 1-.7zm.8 2l-2 6.6h3.4c.4 0 .7.2.8.6a2.7 2.7 0 0 0 5.2 0c.1-.4.4-.6.8-.6h3.4l-2-6.6z"/>'
);
export const SETTINGS = tab(
  '<rect x="2" y="4.6" width="18" height="1.8" rx=".9"/><rect x="2" y="10.1" width="18" height="1.8" rx=".9"/>' +
    '<rect x="2" y="15.6" width="18" height="1.8" rx=".9"/><circle cx="14.5" cy="5.5" r="2.6"/>' +
    '<circle cx="7" cy="11" r="2.6"/><circle cx="13" cy="16.5" r="2.6"/>'
);

const open =
  '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16" fill="none" ' +
  'stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round">';

export const MORE =
  `${open}<g fill="currentColor" stroke="none"><circle cx="8" cy="3.2" r="1.3"/>` +
  '<circle cx="8" cy="8" r="1.3"/><circle cx="8" cy="12.8" r="1.3"/></g></svg>';
export const CHEVRON = `${open}<path d="M6 3.6L10.4 8L6 12.4"/></svg>`;
export const CLOCK = `${open}<circle cx="8" cy="8" r="5.6"/><path d="M8 4.8V8l2.2 1.4"/></svg>`;
