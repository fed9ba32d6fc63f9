/** `*.workflow.json` files in JupyterLab: their type, their editor, and the commands that make them. */
import { type ILayoutRestorer, type JupyterFrontEnd } from '@jupyterlab/application';
import {
  type ICommandPalette,
  InputDialog,
  showErrorMessage,
  WidgetTracker
} from '@jupyterlab/apputils';
import { ABCWidgetFactory, type DocumentRegistry, DocumentWidget } from '@jupyterlab/docregistry';
import type { ILauncher } from '@jupyterlab/launcher';
import { LabIcon } from '@jupyterlab/ui-components';

import { FLOW } from '../icons';
import { fileName, freePath } from '../opening';
import { server, watch } from '../page';
import { contentOf } from '../server';
import { ENDING, lineOf, newText, stored, template, templates, textOf } from './texts';
import { WorkflowView } from './view';

const FACTORY = 'Workflow editor';
const FILE_TYPE = 'builder-workflow';
const CATEGORY = 'Workflows';
const icon = new LabIcon({ name: 'builder-jupyter:workflow', svgstr: FLOW });

export const NEW = 'builder-jupyter:new-workflow';
export const FROM_TEMPLATE = 'builder-jupyter:new-workflow-from-template';
export const OPEN_SAVED = 'builder-jupyter:open-as-document';

type WorkflowDocument = DocumentWidget<WorkflowView, DocumentRegistry.ICodeModel>;

/** Makes the tab of a file. */
class WorkflowFactory extends ABCWidgetFactory<WorkflowDocument, DocumentRegistry.ICodeModel> {
  constructor(private readonly app: JupyterFrontEnd) {
    super({
      name: FACTORY,
      label: FACTORY,
      modelName: 'text',
      fileTypes: [FILE_TYPE],
      defaultFor: [FILE_TYPE]
    });
  }

  protected createNewWidget(context: DocumentRegistry.CodeContext): WorkflowDocument {
    const { commands, serviceManager } = this.app;
    const content = new WorkflowView(context, server, watch, {
      openAsText: path => void commands.execute('docmanager:open', { path, factory: 'Editor' }),
      save: () => void commands.execute('docmanager:save'),
      lastModified: async path =>
        (await serviceManager.contents.get(path, { content: false })).last_modified
    });
    const made = new DocumentWidget({ content, context });
    made.title.icon = icon;
    made.toolbar.hide(); // the canvas has its own
    return made;
  }
}

/** Register the file type and its editor. */
export function addDocuments(app: JupyterFrontEnd, restorer: ILayoutRestorer | null): void {
  app.docRegistry.addFileType({
    name: FILE_TYPE,
    displayName: 'Workflow',
    extensions: [ENDING],
    mimeTypes: ['application/json'],
    contentType: 'file',
    fileFormat: 'text',
    icon
  });
  const factory = new WorkflowFactory(app);
  const tracker = new WidgetTracker<WorkflowDocument>({ namespace: 'builder-jupyter-documents' });
  factory.widgetCreated.connect((_, made) => {
    void tracker.add(made);
    made.context.pathChanged.connect(() => void tracker.save(made));
  });
  app.docRegistry.addWidgetFactory(factory);
  if (restorer) {
    void restorer.restore(tracker, {
      command: 'docmanager:open',
      args: made => ({ path: made.context.path, factory: FACTORY }),
      name: made => made.context.path
    });
  }
}

/** Register the commands, a card of the launcher and lines of the palette. */
export function addCommands(
  app: JupyterFrontEnd,
  launcher: ILauncher | null,
  palette: ICommandPalette | null
): void {
  const add = (
    id: string,
    label: string,
    caption: string,
    run: (folder: string) => Promise<unknown>
  ) => {
    app.commands.addCommand(id, {
      label,
      caption,
      icon,
      execute: async args => {
        try {
          return await run(typeof args.cwd === 'string' ? args.cwd : '');
        } catch (error) {
          await showErrorMessage(label, error instanceof Error ? error : String(error));
          return null;
        }
      }
    });
    palette?.addItem({ command: id, category: CATEGORY });
  };
  add(NEW, 'New workflow', 'Make a file with a workflow and open it', async folder =>
    write(app, folder, 'Untitled', await newText(server, 'Untitled'))
  );
  add(
    FROM_TEMPLATE,
    'New workflow from template…',
    'Make a file with a workflow from a template and open it',
    async folder => {
      const found = await templates(server);
      const lines = found.map(one => `${one.name}: ${one.description}`);
      const id = await pick('New workflow from template', lines, found, 'Create');
      if (id !== null) {
        const chosen = await template(server, id);
        await write(app, folder, fileName(chosen.name), await textOf(server, chosen));
      }
    }
  );
  add(
    OPEN_SAVED,
    'Open workflow as document…',
    'Write a saved workflow into a file and open it',
    async folder => {
      const found = await server.workflows();
      const id = await pick('Open workflow as document', found.map(lineOf), found, 'Open');
      if (id !== null) {
        const chosen = await stored(server, id);
        await write(app, folder, fileName(chosen.name), await textOf(server, contentOf(chosen)));
      }
    }
  );
  launcher?.add({ command: NEW, category: CATEGORY, rank: 1 });
  launcher?.add({ command: FROM_TEMPLATE, category: CATEGORY, rank: 2 });
}

async function pick(
  title: string,
  lines: string[],
  items: { id: string }[],
  okLabel: string
): Promise<string | null> {
  if (!items.length) {
    await showErrorMessage(title, 'There is none yet.');
    return null;
  }
  const answer = await InputDialog.getItem({ title, items: lines, okLabel });
  return answer.value === null ? null : (items[lines.indexOf(answer.value)]?.id ?? null);
}

async function write(
  app: JupyterFrontEnd,
  folder: string,
  name: string,
  content: string
): Promise<unknown> {
  const path = await freePath(app, name, ENDING, folder);
  await app.serviceManager.contents.save(path, { type: 'file', format: 'text', content });
  return app.commands.execute('docmanager:open', { path, factory: FACTORY });
}
