// The TypeScript SDK, second line, as a reader of hostile replies; of the era that `mode` says.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { overhear, read, task, transportOptions } from './reader_common.mjs';

task.call = (client, args, options) => [{ name: task.shown, arguments: args }, options];

await read(async (heard) => {
  const client = overhear(
    new Client(
      { name: 'reader', version: '1' },
      { versionNegotiation: { mode: task.mode }, capabilities: { elicitation: { form: {} } } },
    ),
    heard,
  );
  client.setRequestHandler('elicitation/create', async (request) => {
    heard(request);
    return { action: 'decline' };
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(task.url), transportOptions));
  return client;
});
