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
export const UNDO = `${open}<path d="M5.6 3.2L2.6 6.2l3 3M2.8 6.2h6.4a3.6 3.6 0 0 1 0 7.2H6.4"/></svg>`;
export const REDO = `${open}<path d="M10.4 3.2l3 3-3 3M13.2 6.2H6.8a3.6 3.6 0 0 0 0 7.2h2.8"/></svg>`;
export const ARRANGE = `${open}<rect x="2" y="6.2" width="3.8" height="3.6" rx="1"/><rect x="10.2" y="2.4" width="3.8" height="3.6" rx="1"/><rect x="10.2" y="10" width="3.8" height="3.6" rx="1"/><path d="M5.8 8H8M10.2 4.2H8v7.6h2.2"/></svg>`;
export const SEARCH = `${open}<circle cx="7" cy="7" r="4.2"/><path d="M10.2 10.2l3.2 3.2"/></svg>`;
export const MAP = `${open}<rect x="2" y="3" width="12" height="10" rx="1.6"/><rect x="8" y="8" width="4" height="3" rx=".6" fill="currentColor"/></svg>`;
export const PALETTE = `${open}<rect x="2.4" y="2.4" width="4.6" height="4.6" rx="1.2"/><rect x="2.4" y="9" width="4.6" height="4.6" rx="1.2"/><path d="M9.6 4.6h4M9.6 11.4h4"/></svg>`;
export const PEN = `${open}<path d="M3 13l.8-3L10.6 3.2l2.2 2.2L6 12.2z"/></svg>`;
export const BIN = `${open}<path d="M3 4.6h10M6.4 4.4V2.8h3.2v1.6M4.4 4.6l.7 8.6h5.8l.7-8.6"/></svg>`;
export const COPY = `${open}<rect x="5.6" y="5.6" width="7.6" height="7.6" rx="1.4"/><path d="M10.4 3.4V3H3.2v7.4h.6"/></svg>`;
export const LINK = `${open}<circle cx="3.8" cy="8" r="1.8"/><path d="M5.8 8h7M10 5.2L12.8 8 10 10.8"/></svg>`;
export const GROUP = `${open}<path d="M2.4 5V3.4a1 1 0 0 1 1-1H5M11 2.4h1.6a1 1 0 0 1 1 1V5M13.6 11v1.6a1 1 0 0 1-1 1H11M5 13.6H3.4a1 1 0 0 1-1-1V11"/><rect x="5.2" y="5.2" width="5.6" height="5.6" rx="1.2"/></svg>`;
export const CHEVRON = `${open}<path d="M4.5 6.2L8 9.8l3.5-3.6"/></svg>`;
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
