/** The code that a workflow becomes, to read, copy and keep. */
import { button, element, setText } from '../dom';
import type { Server } from '../server';
import type { WireWorkflow } from '../types';
import { download, show } from './dialogs';

interface Generated {
  code: string;
  filename: string;
  dependencies: string[];
}

/** Generate code and show it. */
export async function showCode(server: Server, workflow: WireWorkflow): Promise<void> {
  const { code, filename, dependencies } = await server.ask<Generated>(
    'POST',
    'api/builder/generate',
    workflow
  );
  const copied = element('span', 'jp-bj-quiet', { role: 'status' });
  const copy = () => {
    navigator.clipboard.writeText(code).then(
      () => {
        setText(copied, 'Copied.');
      },
      () => {
        setText(copied, 'This browser does not let the page copy; select the text instead.');
      }
    );
  };
  await show(
    filename,
    element('p', 'jp-bj-quiet', {}, `Needs ${dependencies.join(', ')}`),
    element('pre', 'jp-bj-source', { tabindex: '0' }, element('code', '', {}, code)),
    element(
      'div',
      'jp-bj-pushes',
      {},
      button(
        'jp-bj-push jp-mod-main',
        'Download',
        () => {
          download(filename, code, 'text/x-python');
        },
        'Download'
      ),
      button('jp-bj-push', 'Copy', copy, 'Copy'),
      copied
    )
  );
}
