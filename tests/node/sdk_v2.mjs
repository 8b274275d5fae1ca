// The TypeScript SDK, second line: `auto` asks for the newest revision, `legacy` shakes hands.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { talk, task, transportOptions } from './talk.mjs';

const client = new Client(
  { name: 'interop', version: '1' },
  { versionNegotiation: { mode: task.mode } },
);
await client.connect(new StreamableHTTPClientTransport(new URL(task.url), transportOptions));
await talk(client, () => client.getNegotiatedProtocolVersion());
