/** Opening a saved workflow as a canvas in a notebook of its own. */
import type { JupyterFrontEnd } from '@jupyterlab/application';

interface NotebookPanel {
  context: { ready: Promise<void> };
  sessionContext: { ready: Promise<void> };
}

/** Make a notebook that shows a workflow, open it and run it. */
export async function openAsCanvas(app: JupyterFrontEnd, id: string, name: string): Promise<void> {
  const { contents, kernelspecs } = app.serviceManager;
  await kernelspecs.ready;
  const path = await freePath(app, fileName(name), '.ipynb');
  const specs = kernelspecs.specs;
  const kernel = specs?.kernelspecs.python3 ? 'python3' : (specs?.default ?? 'python3');
  const title = specs?.kernelspecs[kernel]?.display_name ?? kernel;
  await contents.save(path, {
    type: 'notebook',
    format: 'json',
    content: notebookOf(id, kernel, title)
  });
  const panel = (await app.commands.execute('docmanager:open', {
    path,
    factory: 'Notebook'
  })) as NotebookPanel;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await app.commands.execute('notebook:run-all-cells');
}

/** A notebook with one cell. */
export function notebookOf(id: string, kernel: string, title: string): object {
  const source = `import builder_jupyter as bj\n\ncanvas = bj.Canvas(${JSON.stringify(id)})\ncanvas`;
  return {
    cells: [
      { cell_type: 'code', id: 'canvas', metadata: {}, source, outputs: [], execution_count: null }
    ],
    metadata: { kernelspec: { name: kernel, display_name: title, language: 'python' } },
    nbformat: 4,
    nbformat_minor: 5
  };
}

/** A workflow's name as the name of a file. */
export function fileName(name: string): string {
  const kept = name.replace(/[^\p{L}\p{N} _-]+/gu, ' ').replace(/\s+/g, ' ');
  return kept.trim().slice(0, 80) || 'Workflow';
}

/** A path in a folder that no file has yet: the name, else with a number behind it. */
export async function freePath(
  app: JupyterFrontEnd,
  name: string,
  ending: string,
  folder = ''
): Promise<string> {
  const listed = await app.serviceManager.contents.get(folder, { content: true });
  const taken = new Set((listed.content as { name: string }[]).map(item => item.name));
  for (let number = 1; ; number += 1) {
    const file = `${number === 1 ? name : `${name} ${String(number)}`}${ending}`;
    if (!taken.has(file)) {
      return folder ? `${folder}/${file}` : file;
    }
  }
}
