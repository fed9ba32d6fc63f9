/** Where the page of the builder begins: `{base URL}builder`. */
import '../../style/index.css';
import '../../style/page.css';

import { beginTheme } from './bar';
import { Builder } from './builder';
import { Session } from './session';

function begin(): void {
  const { baseUrl = '/', loginUrl = '/login' } = document.body.dataset;
  const session = new Session(new URL(baseUrl, location.href));
  const here = new URL(location.href);
  const token = here.searchParams.get('token');
  if (token) {
    session.key = token;
    here.searchParams.delete('token'); // out of sight and out of what is shared
    history.replaceState(null, '', here);
  }
  const login = new URL(loginUrl, location.href);
  login.searchParams.set('next', `${here.pathname}${here.search}`);
  beginTheme();
  const builder = new Builder(session, login.href);
  Object.assign(document.body, { builder }); // a way in for tests and for the curious
  document.body.append(builder.node);
  void builder.route();
}

begin();
