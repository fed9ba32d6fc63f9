/** Our own small drawings, in the colour of the text around them. */
const open =
  '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16" fill="none" ' +
  'stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round">';

export const PLAY = `${open}<path d="M5 3.2v9.6L12.6 8z" fill="currentColor"/></svg>`;
export const STOP = `${open}<rect x="4" y="4" width="8" height="8" rx="1.2" fill="currentColor"/></svg>`;
export const PLUS = `${open}<path d="M8 3.5v9M3.5 8h9"/></svg>`;
export const MINUS = `${open}<path d="M3.5 8h9"/></svg>`;
export const FIT = `${open}<path d="M2.8 6V2.8H6M10 2.8h3.2V6M13.2 10v3.2H10M6 13.2H2.8V10"/></svg>`;
export const PANE = `${open}<rect x="2.3" y="3" width="11.4" height="10" rx="1.6"/><path d="M9.6 3v10"/></svg>`;
export const BACK = `${open}<path d="M9.8 3.6L5.4 8l4.4 4.4"/></svg>`;
export const OPEN = `${open}<path d="M6.4 3.4H3.2v9.4h9.4V9.6M9.4 3.2h3.4v3.4M12.6 3.4L7.6 8.4"/></svg>`;
export const REFRESH = `${open}<path d="M12.8 6.6A5 5 0 1 0 13 9.2M13 3.4v3.4H9.6"/></svg>`;
export const FLOW =
  '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 22 22"><g class="jp-icon3" fill="#616161">' +
  '<rect x="2" y="8" width="6" height="6" rx="1.6"/><rect x="14" y="3" width="6" height="6" rx="1.6"/>' +
  '<rect x="14" y="13" width="6" height="6" rx="1.6"/><path d="M8 10.2h2.2V6H14v1.6h-2.2v6.8H14V16h-3.8v-4.2H8z"/>' +
  '</g></svg>';
export const CROSS = `${open}<path d="M4.5 4.5l7 7M11.5 4.5l-7 7"/></svg>`;
export const UP = `${open}<path d="M4 9.6L8 5.6l4 4"/></svg>`;
export const ERROR = `${open}<circle cx="8" cy="8" r="5.6"/><path d="M6 6l4 4M10 6l-4 4"/></svg>`;
export const WARNING = `${open}<path d="M8 2.8L14 13H2z"/><path d="M8 6.6v3M8 11.2v.1"/></svg>`;
export const AGAIN = `${open}<path d="M3.2 9.4A5 5 0 1 0 3.4 6M3 2.8V6h3.2"/></svg>`;
