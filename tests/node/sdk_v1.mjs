// The TypeScript SDK, first line: the handshake era only.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { talk, task, transportOptions } from './talk.mjs';

const client = new Client({ name: 'interop', version: '1' });
const transport = new StreamableHTTPClientTransport(new URL(task.url), transportOptions);
await client.connect(transport);
await talk(client, () => transport.protocolVersion);
