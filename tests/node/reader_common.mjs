// What every reader does: ask for each hostile case and keep all that the client lets one see.
// Input is one JSON object on standard input: {url, bearer, mode, patience, shown, argument, groups},
// a group being the cases [{name, asks}] of one connection. Output: per case {ms, shown}.
import { readFileSync } from 'node:fs';

export const task = JSON.parse(readFileSync(0, 'utf8'));

export const transportOptions = {
  requestInit: { headers: { Authorization: `Bearer ${task.bearer}` } },
  reconnectionOptions: {
    initialReconnectionDelay: 1,
    maxReconnectionDelay: 1,
    reconnectionDelayGrowFactor: 1,
    maxRetries: 1,
  },
};

// The codes with which the two lines of the SDK say that nothing came in time.
const LATE = new Set([-32001, 'REQUEST_TIMEOUT']);

const told = {};

function visible(error) {
  const { name, message, code, data, cause } = error ?? {};
  return { error: { name, message, code, data, cause: cause && String(cause) } };
}

async function ask(client, { name, asks }) {
  const options = { timeout: task.patience * 1000, onprogress: (p) => told[name].shown.push(p) };
  const started = performance.now();
  const asked = asks === 'list'
    ? client.listTools({ cursor: name }, options)
    : client.callTool(...task.call(client, { [task.argument]: name }, options));
  const answer = await asked.catch(visible);
  told[name].shown.push(answer);
  if (!LATE.has(answer.error?.code)) told[name].ms = performance.now() - started;
}

async function visit(connect, group) {
  const elsewhere = [];
  for (const { name } of group) told[name] = { shown: [], elsewhere, ms: null };
  try {
    const client = await connect((seen) => elsewhere.push(seen));
    await Promise.all(group.map((each) => ask(client, each)));
    await client.close();
  } catch (error) {
    elsewhere.push(visible(error));
  }
}

// `connect` takes what is called with all that comes unasked, and gives a connected client.
export async function read(connect) {
  await Promise.all(task.groups.map((group) => visit(connect, group)));
  process.stdout.write(JSON.stringify(told), () => process.exit(0));
}

export function overhear(client, heard) {
  client.onerror = (error) => heard(visible(error));
  client.fallbackNotificationHandler = async (notification) => heard(notification);
  return client;
}
