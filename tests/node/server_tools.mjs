// What both TypeScript servers offer: tools that only count who ran, and how lenient they are.
// A name is resolved as generously as any server might (compatibility forms, case, blanks, NUL), and
// `call_tool` runs the tool that its arguments name, so that no guard may rely on strictness here.
const NAMES = [
  'list_all_gladly_tasks',
  'create_a_gladly_task',
  'delete_a_gladly_customer_by_id',
  'tool_of_no_catalog',
  'call_tool',
];
const MAX_WRAPPERS = 3;

/** Every execution so far: the tool, and the `case` that its arguments named. */
export const ran = [];

const folded = (name) =>
  name.normalize('NFKC').toLowerCase().replaceAll('\0', '').trim();

export const list = () => ({
  tools: NAMES.map((name) => ({ name, inputSchema: { type: 'object' } })),
});

export function call({ name, arguments: given = {} }) {
  for (let depth = 0; depth < MAX_WRAPPERS && folded(name) === 'call_tool'; depth += 1) {
    ({ tool_name: name = '', arguments: given = {} } = given);
  }
  const found = NAMES.find((known) => known === folded(String(name)));
  if (found === undefined || found === 'call_tool') throw new Error('no such tool');
  ran.push([found, String(given?.case ?? '')]);
  return { content: [{ type: 'text', text: 'done' }] };
}

/** Say where the server listens, as its first line; the test reads it. */
export function announce(server) {
  server.listen(0, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}`);
  });
}
