import { testLanguages } from './ci-languages.mjs';
import { startTestServer } from './test-server.mjs';
import { installMissingToolchains } from './toolchains.mjs';

/**
 * Runs suites in order, whatever the others do, and prints what each took.
 * @returns one `{ name, passed, failed, minutes, note }` per suite
 */
export async function runSuites(suites, say, all) {
  const context = { say, all, server: null, starting: null };
  const results = [];
  try {
    for (const suite of suites) {
      say(`\n── ${suite.name}: ${suite.what}`);
      results.push(await runSuite(context, suite));
    }
  } finally {
    results.push(...(await stopServer(context)));
  }
  say(`\n${table(results)}\n`);
  // Once more, at the end: whoever keeps the last lines of a log only still knows what to mend.
  for (const { name, failures = [] } of results) {
    for (const failure of failures) say(`${name} failed: ${failure}\n`);
  }
  return results;
}

async function runSuite(context, suite) {
  const startedMs = Date.now();
  const counted = await counts(context, suite);
  return { name: suite.name, ...counted, minutes: (Date.now() - startedMs) / 60_000 };
}

async function counts(context, suite) {
  try {
    if (suite.needsServer) await ensureServer(context);
    const {
      passed,
      failed,
      failures = [],
    } = await suite.run({
      server: context.server,
      say: context.say,
      all: context.all,
    });
    if (passed + failed > 0) return { passed, failed, failures, note: '' };
    return { passed, failed: 1, note: 'ran no test at all' };
  } catch (error) {
    context.say(`${suite.name}: ${error.message}`);
    return { passed: 0, failed: 1, note: error.message.split('\n')[0] };
  }
}

/** One server for all suites: started by the first that needs it, with every toolchain there. */
async function ensureServer(context) {
  context.starting ??= startTestServer(context.say).then(async (server) => {
    context.server = server;
    await installMissingToolchains(server, context.say, testLanguages(false));
  });
  await context.starting; // Where it failed, it failed for every suite that needs it.
}

/** The end of the server is a test as well: it has to leave nothing behind. */
async function stopServer(context) {
  if (context.server === null) return [];
  const startedMs = Date.now();
  const left = await context.server.stop();
  for (const each of left) context.say(`left behind: ${each}`);
  return [
    {
      name: 'leaves nothing',
      passed: left.length === 0 ? 1 : 0,
      failed: left.length === 0 ? 0 : 1,
      minutes: (Date.now() - startedMs) / 60_000,
      note: left.join('; '),
    },
  ];
}

function table(results) {
  const rows = results.map(({ name, passed, failed, minutes, note }) => {
    const columns = [name.padEnd(16), `${passed}`.padStart(6), `${failed}`.padStart(6)];
    return `${columns.join(' ')} ${minutes.toFixed(1).padStart(7)}  ${note}`.trimEnd();
  });
  return ['suite            passed failed minutes', ...rows].join('\n');
}
