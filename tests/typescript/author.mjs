// Makes a workflow from nothing over MCP and runs it: node author.mjs <client|sdk> <auto|legacy> <url>, key in $KEY.
const [, , sdk, mode, url] = process.argv;
const [{ Client }, { StreamableHTTPClientTransport }] =
  sdk === 'client'
    ? [await import('@modelcontextprotocol/client'), await import('@modelcontextprotocol/client')]
    : [
        await import('@modelcontextprotocol/sdk/client/index.js'),
        await import('@modelcontextprotocol/sdk/client/streamableHttp.js')
      ];

const client = new Client(
  { name: 'author', version: '1' },
  sdk === 'client' ? { versionNegotiation: { mode } } : {}
);
const headers = { Authorization: `Bearer ${process.env.KEY}` };
const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
await client.connect(transport);

async function call(name, args, onprogress) {
  const rest = sdk === 'client' ? [{ onprogress }] : [undefined, { onprogress }];
  const result = await client.callTool({ name, arguments: args }, ...rest);
  if (result.isError) {
    throw new Error(JSON.stringify(result));
  }
  return result.structuredContent;
}

const { tools } = await client.listTools();
const { id: canvasId } = await call('create_canvas', { name: 'Tea' });
await call('add_node', {
  canvasId,
  type: 'prompt-trigger',
  nodeId: 'topic',
  data: { inputKey: 'topic' }
});
await call('add_node', { canvasId, type: 'text-gen', nodeId: 'writer' });
await call('add_edge', { canvasId, sourceNodeId: 'topic', targetNodeId: 'writer' });
const verdict = await call('validate_workflow', { canvasId });
const progress = [];
const run = await call(
  'trigger_workflow',
  { canvasId, inputs: { topic: 'tea' }, sync: true },
  news => progress.push(news)
);
const outputs = await call('get_execution_outputs', { executionId: run.executionId });
const version = client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion;
console.log(
  JSON.stringify({ version, tools: tools.map(tool => tool.name), verdict, progress, run, outputs })
);
await client.close();
