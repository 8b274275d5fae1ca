// What every script here does with a connected client: list, call, and print the whole as JSON.
// Input is one JSON object on standard input: {url, bearer, mode, calls: [{name, arguments}]}.
import { readFileSync } from 'node:fs';

export const task = JSON.parse(readFileSync(0, 'utf8'));

export const transportOptions = {
  requestInit: { headers: { Authorization: `Bearer ${task.bearer}` } },
};

export async function talk(client, revision) {
  const { tools } = await client.listTools();
  const answers = [];
  for (const call of task.calls) {
    answers.push(await client.callTool(call).catch(({ code, message }) => ({ code, message })));
  }
  const told = { revision: revision(), tools: tools.map(({ name }) => name), answers };
  await client.close();
  console.log(JSON.stringify(told));
}
