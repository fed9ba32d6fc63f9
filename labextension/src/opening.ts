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
  const path = await freeName(app, fileName(name));
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

async function freeName(app: JupyterFrontEnd, name: string): Promise<string> {
  const folder = await app.serviceManager.contents.get('', { content: true });
  const taken = new Set((folder.content as { name: string }[]).map(item => item.name));
  for (let number = 0; ; number += 1) {
    const file = number ? `${name} ${number + 1}.ipynb` : `${name}.ipynb`;
    if (!taken.has(file)) {
      return file;
    }
  }
}
