// The TypeScript SDK, second line: both eras at one URL, the body read by the SDK itself.
import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, Server } from '@modelcontextprotocol/server';
import { announce, call, list, ran } from './server_tools.mjs';

const mcp = toNodeHandler(
  createMcpHandler(() => {
    const server = new Server({ name: 'v2', version: '1' }, { capabilities: { tools: {} } });
    server.setRequestHandler('tools/list', list);
    server.setRequestHandler('tools/call', ({ params }) => call(params));
    return server;
  }),
);

announce(
  createServer((request, response) => {
    if (request.method === 'GET' && request.url === '/ran') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(ran));
    } else if (new URL(request.url, 'http://x').pathname === '/mcp') {
      mcp(request, response);
    } else {
      response.writeHead(404).end();
    }
  }),
);
