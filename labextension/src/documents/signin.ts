/** What a visitor sees whom the server does not know. */
import { element } from '../dom';

/** Make the panel; `take` gets what was pasted. */
export function signIn(loginUrl: string, take: (key: string) => void): HTMLElement {
  const field = element('input', 'jp-bj-find', {
    id: 'jp-bj-key',
    type: 'password',
    autocomplete: 'off',
    spellcheck: 'false',
    required: ''
  });
  const form = element(
    'form',
    'jp-bj-signin-form',
    {},
    element('label', '', { for: field.id }, 'API key or token'),
    field,
    element('button', 'jp-bj-push', { type: 'submit' }, 'Use it'),
    element(
      'p',
      'jp-bj-quiet',
      {},
      'It stays in the memory of this page and is gone when you close it.'
    )
  );
  form.addEventListener('submit', event => {
    event.preventDefault();
    const key = field.value.trim();
    field.value = '';
    if (key) {
      take(key);
    }
  });
  return element(
    'main',
    'jp-bj-signin',
    {},
    element('h2', '', {}, 'Sign in'),
    element('p', '', {}, 'Workflows are shown to those who are signed in to this Jupyter server.'),
    element('a', 'jp-bj-push jp-mod-main', { href: loginUrl }, 'Sign in to Jupyter'),
    form
  );
}
