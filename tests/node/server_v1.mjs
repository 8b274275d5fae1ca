// The TypeScript SDK, first line, behind Express and its JSON body parser, as most servers run it.
import { createServer } from 'node:http';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import express from 'express';
import { announce, call, list, ran } from './server_tools.mjs';

const app = express();
app.disable('x-powered-by');
app.use(express.json());
app.get('/ran', (_, response) => response.json(ran));
app.all('/mcp', async (request, response) => {
  const server = new Server({ name: 'v1', version: '1' }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, list);
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => call(params));
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  response.on('close', () => server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});
// Express would print every refused body otherwise.
app.use((error, _, response, next) =>
  response.headersSent ? next(error) : response.status(error.status ?? 500).end(),
);
announce(createServer(app));
