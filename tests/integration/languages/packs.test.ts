import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Capabilities, LanguageInfo } from '@gozolite/contract/capabilities';
import type { Execution } from '@gozolite/contract/execution';
import type { Problem } from '@gozolite/contract/refusal';
import { Gozo } from '@gozolite/sdk/gozo';
import { afterAll, beforeAll, test } from 'vitest';
import { type PlantedPack, plantPack, plantWord, removePack } from '../../planted-packs.js';
import { eventually, serverUnderTest } from '../../server-under-test.js';
import { get } from '../client.js';
import { type OwnServer, startOwnServer } from '../own-server.js';

/** Packs that come and go beneath a server that runs, of a language that the host does not have. */

/** Where the launcher of the server under test looks too: `npm start` told it. */
const PACKS = join(serverUnderTest().state, 'packs');
const SEEN_MS_MAX = 60_000;

const LANGUAGE = `
id: demo
name: Demo
aliases: [dm]
extensions: [.demo]
source: main.demo
toolchain:
  candidates: [{ tool: /usr/bin/demo }]
  version: { command: ['{tool}', --version], pattern: 'demo (\\S+)' }
packs:
  - { version: '1', debian: [demo], variants: { more: { debian: [demo-more] } } }
  - { version: '2', debian: [demo] }
run: { command: ['{tool}', '{entry}', '{args}'] }
template: echo hello
smokes:
  hello: { code: 'echo hi from $DEMO', expect: { status: ok, stdout_pattern: '^hi from demo' } }
  exit_code: { code: exit 3, expect: { status: runtime_error, exit_code: 3 } }
not_applicable:
${['stdin', 'arguments', 'unicode', 'syntax_error', 'uncaught_error']
  .concat(['endless_loop', 'memory_hog'])
  .map((name) => `  ${name}: Bash has it`)
  .join('\n')}
`;

/** Bash by another name, of a version of its own. */
const toolOf = (version: string, more = ''): string => `#!/usr/bin/bash
[ "$1" = --version ] && echo "demo ${version}" && exit
export DEMO=demo-${version}${more}
. "/work/$1"
`;

function plant(name: string, version: string, more = ''): PlantedPack {
  return plantPack(PACKS, name, {
    'usr/bin/demo': toolOf(version, more),
    'etc/demo.conf': `of ${name}`,
  });
}

let folder = '';
let server: OwnServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gozolite-packs-'));
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'demo.yaml'), LANGUAGE);
  // What the server under test has proven of the host needs no second proof.
  const data = join(folder, 'data');
  cpSync(join(serverUnderTest().state, 'data'), data, { recursive: true });
  server = await startOwnServer({
    GOZO_DATA: data,
    GOZO_LANGUAGES: folder,
    GOZO_PACKS: PACKS,
    GOZO_SMOKES: 'true',
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(PACKS, { recursive: true, force: true });
  rmSync(folder, { recursive: true });
});

async function execute<Body = Execution>(language: string, code: string): Promise<Body> {
  const response = await fetch(`${server.url}/execute`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ language, code }),
  });
  const body: Body = JSON.parse(await response.text());
  return body;
}

async function demo(): Promise<LanguageInfo> {
  const { languages } = await get<Capabilities>('/capabilities', server.url);
  const found = languages.find(({ id }) => id === 'demo');
  assert.ok(found);
  return found;
}

const eventuallySeen = (what: string, look: (info: LanguageInfo) => boolean) =>
  eventually(what, SEEN_MS_MAX, async () => {
    const info = await demo();
    return look(info) ? info : undefined;
  });

const rows = ({ versions }: LanguageInfo): readonly string[] =>
  versions.map(({ version, variants, available, toolchain }) =>
    [version, variants.join(), available, toolchain?.source ?? '-'].join(' '),
  );

test('two versions and a variant come, run side by side, and one goes', async () => {
  assert.deepEqual(rows(await demo()), ['1  false -', '2  false -']);
  const missing = await execute('demo', 'echo');
  assert.equal(missing.error, 'TOOLCHAIN_MISSING');
  assert.match(missing.message ?? '', /gozo packs add demo@1$/);

  const one = plant('demo@1', '1.5');
  await eventuallySeen('demo@1', ({ available }) => available);
  const two = plant('demo@2', '2.7');
  plant('demo@1+more', '1.5', '-more');
  const info = await eventuallySeen('all three', ({ versions }) =>
    versions.every(({ available, variants, version }) => {
      return available && (version !== '1.5' || variants.includes('more'));
    }),
  );
  assert.deepEqual(rows(info), ['1.5 more true demo@1', '2.7  true demo@2']);

  const said = { demo: 'demo-1.5', 'dm@1': 'demo-1.5', 'demo@2': 'demo-2.7' };
  for (const [language, expected] of Object.entries({ ...said, 'demo@1+more': 'demo-1.5-more' })) {
    const ran = await execute(language, 'echo $DEMO; cat /etc/demo.conf');
    assert.match(ran.stdout, new RegExp(`^${expected}\nof demo@`), JSON.stringify(ran));
  }
  const { language } = await execute('demo@2', 'echo');
  const toolchain = { source: 'demo@2', version: '2.7', digest: two.digest };
  assert.deepEqual(language, { id: 'demo', version: '2.7', toolchain });

  const gozo = new Gozo({ url: server.url });
  const { id } = await gozo.submit({
    language: 'demo@1',
    code: 'echo begun; read -t 2 < <(sleep 9); echo $DEMO',
  });
  // Not before it has its programs: admitted, and counted as running, it is a moment earlier.
  for await (const { name } of gozo.events(id)) if (name === 'output') break;
  removePack(PACKS, one);
  const long = await gozo.wait(id);
  assert.equal(long.stdout, 'begun\ndemo-1.5\n', JSON.stringify(long));
  await eventuallySeen('demo@1 gone', ({ versions }) => !versions.some(isWhole('1.5')));
  assert.equal((await execute('demo', 'echo $DEMO')).stdout, 'demo-2.7\n');
  assert.equal((await execute('demo@1', '')).error, 'TOOLCHAIN_MISSING');
  assert.equal((await execute('demo@1+more', 'echo $DEMO')).stdout, 'demo-1.5-more\n');
});

const isWhole =
  (wanted: string) =>
  ({ version, toolchain }: LanguageInfo['versions'][number]): boolean =>
    version === wanted && toolchain !== null;

test('what nobody has is refused with what there is', async () => {
  for (const language of ['demo@3', 'demo+less', 'demo@2+more']) {
    const problem = await execute<Problem>(language, '');
    assert.deepEqual([problem.status, problem.code], [422, 'UNKNOWN_LANGUAGE'], language);
    assert.match(problem.detail, /known are 2, 1\+more/);
  }
});

test('a broken word and a tree that is not there change nothing', async () => {
  plantWord(PACKS, 'demo@7', '{ "name": ');
  plantWord(PACKS, 'demo@8', {
    ...{ name: 'demo@8', language: 'demo', version: '8', variant: null },
    digest: 'ab'.repeat(32),
  });
  const nine = plant('demo@9', '9.1');
  await eventuallySeen('demo@9', ({ versions }) => versions.some(isWhole('9.1')));
  const names = rows(await demo()).map((row) => row.split(' ')[0]);
  assert.ok(!names.includes('7') && !names.includes('8'), names.join());
  removePack(PACKS, nine);
});

test('a pack whose first program fails is there, and not advertised', async () => {
  plantPack(PACKS, 'demo@6', {
    'usr/bin/demo': '#!/usr/bin/bash\n[ "$1" = --version ] && echo "demo 6.1" && exit; exit 3\n',
  });
  const { versions } = await eventuallySeen('it to fail', ({ versions }) =>
    versions.some(({ reason }) => reason === 'SMOKE_FAILED'),
  );
  const failing = versions.find(({ version }) => version === '6.1');
  assert.deepEqual([failing?.available, failing?.reason], [false, 'SMOKE_FAILED']);
  assert.equal(
    (await execute('demo@6', '')).exit_code,
    3,
    'it runs as it can, for who asks for it',
  );
});

test('nothing of the host’s /usr is in reach from a pack', async () => {
  const code = `
    for path in /usr/bin/python3 /usr/share/doc /usr/lib/os-release /usr/local /usr/include \\
      /lib/systemd /etc/alternatives /etc/ld.so.cache \\
      /proc/1/root/usr/share /proc/self/cwd/../usr/share
    do [ -e $path ] && echo reached $path; done
    ls /usr /usr/bin`;
  const { stdout, stderr } = await execute('demo@2', code);
  const lines = stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '' && !line.endsWith(':'));
  const expected = ['bash', 'bin', 'cat', 'demo', 'id', 'lib', 'lib64', 'ls', 'sleep'];
  assert.deepEqual(lines.sort(), expected, stderr);
});

test('GOZO_HOST_TOOLCHAINS=false: packs alone serve, and capabilities say so', async () => {
  const env = { GOZO_LANGUAGES: folder, GOZO_PACKS: PACKS, GOZO_HOST_TOOLCHAINS: 'false' };
  await using own = await startOwnServer(env);
  const capabilities = await get<Capabilities>('/capabilities', own.url);
  assert.equal(capabilities.host_toolchains, false);
  const here = capabilities.languages.filter(({ available }) => available).map(({ id }) => id);
  assert.deepEqual(here, ['demo']);
  const bash = capabilities.languages.find(({ id }) => id === 'bash');
  assert.equal(bash?.install, 'gozo packs add bash');
});
