/** The side bars of JupyterLab. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { LabIcon } from '@jupyterlab/ui-components';

import { FLOW } from '../icons';
import { insertCell, openAsCanvas } from '../opening';
import { server } from '../page';
import { INBOX, RUNS, SETTINGS } from './icons';
import { InboxBar } from './inbox';
import { RunsBar } from './runs';
import { SettingsBar } from './settings';
import { WorkflowsBar } from './workflows';

/** Put the side bars on the left, below JupyterLab's own. */
export function addSideBars(app: JupyterFrontEnd, namespace: string): void {
  const open = (id: string, name: string, executionId?: string) =>
    openAsCanvas(app, id, name, executionId);
  const runs = new RunsBar(server, open);
  const workflows = new WorkflowsBar(server, {
    open,
    insert: name => insertCell(app, name),
    showRuns: (id, name) => {
      runs.only(id, name);
      app.shell.activateById(runs.id);
    }
  });
  const inbox = new InboxBar(server, async asked => {
    const { canvasId } = await server.picture(asked.executionId);
    await open(canvasId, asked.workflowName, asked.executionId);
  });
  [workflows, runs, inbox, new SettingsBar(server)].forEach((bar, index) => {
    const svgstr = [FLOW, RUNS, INBOX, SETTINGS][index] ?? FLOW;
    bar.title.icon = new LabIcon({ name: `${namespace}:${bar.id}`, svgstr });
    app.shell.add(bar, 'left', { rank: 350 + index });
  });
}
