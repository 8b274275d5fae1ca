// The TypeScript SDK, first line, as a reader of hostile replies.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { overhear, read, task, transportOptions } from './reader_common.mjs';

task.call = (client, args, options) => [
  { name: task.shown, arguments: args }, CallToolResultSchema, options,
];

await read(async (heard) => {
  const client = overhear(
    new Client({ name: 'reader', version: '1' }, { capabilities: { elicitation: {} } }), heard,
  );
  client.setRequestHandler(ElicitRequestSchema, async (request) => {
    heard(request);
    return { action: 'decline' };
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(task.url), transportOptions));
  return client;
});
