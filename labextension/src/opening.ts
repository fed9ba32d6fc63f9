/** Opening a saved workflow as a canvas in a notebook of its own. */
import type { JupyterFrontEnd } from '@jupyterlab/application';

interface NotebookPanel {
  context: { ready: Promise<void> };
  sessionContext: { ready: Promise<void> };
  content: {
    activeCellIndex?: number;
    model: { sharedModel: { insertCell(index: number, cell: object): unknown } } | null;
  };
}

/** Make a notebook that shows a workflow, or a run of it, open it and run it. */
export async function openAsCanvas(
  app: JupyterFrontEnd,
  id: string,
  name: string,
  executionId = ''
): Promise<void> {
  const { contents, kernelspecs } = app.serviceManager;
  await kernelspecs.ready;
  const path = await freePath(app, fileName(name), '.ipynb');
  const specs = kernelspecs.specs;
  const kernel = specs?.kernelspecs.python3 ? 'python3' : (specs?.default ?? 'python3');
  const title = specs?.kernelspecs[kernel]?.display_name ?? kernel;
  await contents.save(path, {
    type: 'notebook',
    format: 'json',
    content: notebookOf(id, kernel, title, executionId)
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
export function notebookOf(id: string, kernel: string, title: string, executionId = ''): object {
  const show = executionId ? `canvas.show(${JSON.stringify(executionId)})\n` : '';
  const source = `import builder_jupyter as bj\n\ncanvas = bj.Canvas(${JSON.stringify(id)})\n${show}canvas`;
  return {
    cells: [
      { cell_type: 'code', id: 'canvas', metadata: {}, source, outputs: [], execution_count: null }
    ],
    metadata: { kernelspec: { name: kernel, display_name: title, language: 'python' } },
    nbformat: 4,
    nbformat_minor: 5
  };
}

/** A cell that shows a workflow, called by its name. */
export function cellOf(name: string): { cell_type: string; metadata: object; source: string } {
  const source = `import builder_jupyter as bj\n\nbj.Canvas(${JSON.stringify(name)})`;
  return { cell_type: 'code', metadata: {}, source };
}

/** Put a cell after the active one of the notebook in front; false when that is no notebook. */
export function insertCell(app: JupyterFrontEnd, name: string): boolean {
  const panel = app.shell.currentWidget as Partial<NotebookPanel> | null;
  const notebook = panel?.content;
  if (!notebook?.model || notebook.activeCellIndex === undefined) {
    return false;
  }
  const place = notebook.activeCellIndex + 1;
  notebook.model.sharedModel.insertCell(place, cellOf(name));
  notebook.activeCellIndex = place;
  return true;
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
