import assert from 'node:assert/strict';
import type { Capabilities } from '@gozolite/contract/capabilities';
import { type Execution, Execution as ExecutionSchema } from '@gozolite/contract/execution';
import { Ajv } from 'ajv';
import { test } from 'vitest';
import { bash, expectStatus, get, post, python, run, testUrl } from './client.js';

const hasRecordsShape = new Ajv({ strict: false, allErrors: true }).compile<Execution>(
  ExecutionSchema,
);

test('a program that prints is ok, and its record is whole', async () => {
  const before = Date.now();
  const { status, headers, body } = await post({ language: 'python', code: 'print(21*2)' });
  assert.equal(status, 200);
  assert.match(headers.get('content-type') ?? '', /^application\/json/);
  assert.ok(hasRecordsShape(body), JSON.stringify(hasRecordsShape.errors));
  expectStatus(body, 'ok');
  assert.equal(body.stdout, '42\n');
  assert.equal(body.stdout_bytes, 3);
  assert.equal(body.exit_code, 0);
  assert.equal(body.signal, null);
  assert.equal(body.tenant, 'local');
  assert.equal(body.request_id, headers.get('x-request-id'));
  assert.match(
    body.id,
    /^exe_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assert.match(body.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Date.parse(body.created_at) >= before - 1 && Date.parse(body.created_at) <= Date.now());
  assert.equal(body.isolation.level, 'full');
  assert.equal(body.language.id, 'python');
  assert.equal(body.limits.run.wall_time_ms, 10_000);
  assert.equal(body.limits.compile, undefined);
  assert.equal(body.compile, undefined);
  assert.ok(body.memory_kb > 500 && body.memory_kb < 65_536, `${body.memory_kb} KiB`);
  assert.ok(body.timings.total_ms >= body.timings.run_ms);
});

test('what a program sees: place, user, names, environment', async () => {
  const { stdout } = await bash(
    'pwd; id -u; id -un; hostname; umask; env | grep -v "^_=\\|^SHLVL=\\|^OLDPWD=" | sort',
    { env: { MINE: 'a b=c', LANG: 'C' } },
  );
  assert.deepEqual(stdout.trim().split('\n'), [
    '/work',
    '1000',
    'sandbox',
    'sandbox',
    '0022',
    'HOME=/tmp',
    'LANG=C',
    'LC_ALL=C.UTF-8',
    'LOGNAME=sandbox',
    'MINE=a b=c',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'PWD=/work',
    'TMPDIR=/tmp',
    'TZ=UTC',
    'USER=sandbox',
  ]);
});

test('without stdin the program reads an end at once', async () => {
  const execution = await bash('read line; echo "$? [$line]"; test -p /dev/stdin && echo pipe');
  assert.equal(execution.stdout, '1 []\npipe\n');
});

test('arguments arrive as they are, whatever is in them', async () => {
  const args = ['', 'a b', '$(id)', '-v', '*', "it's", '"', 'é🙂', '\n', '--', '{args}', '\\'];
  const { stdout } = await python('import sys, json; print(json.dumps(sys.argv[1:]))', { args });
  assert.deepEqual(JSON.parse(stdout), args);
});

test('arguments and environment of nearly 128 KiB arrive', async () => {
  const args = ['a'.repeat(60_000), 'b'.repeat(60_000)];
  const env = { BIG: 'c'.repeat(9_000) };
  const code = 'import sys, os; print(len(sys.argv[1]), len(sys.argv[2]), len(os.environ["BIG"]))';
  assert.equal((await python(code, { args, env })).stdout, '60000 60000 9000\n');
});

test('files lie where their paths say, the first is run, folders and modes are made', async () => {
  const execution = await run({
    language: 'python',
    files: [
      {
        path: 'main.py',
        content:
          'import lib.a, os\nruns = [os.access(f, os.X_OK) for f in ("run.sh", "main.py")]\n' +
          'print(lib.a.x, runs, open("d/ä.bin","rb").read())',
      },
      { path: 'lib/a.py', content: 'x = 7' },
      { path: 'd/ä.bin', content: '/wA=', encoding: 'base64' },
      { path: 'run.sh', content: 'true', executable: true },
    ],
  });
  assert.equal(execution.stdout, "7 [True, False] b'\\xff\\x00'\n");
});

test('entry names the file that is run', async () => {
  const files = [
    { path: 'a.py', content: 'print("a")' },
    { path: 'sub/b.py', content: 'print("b")' },
  ];
  assert.equal((await run({ language: 'python', files, entry: 'sub/b.py' })).stdout, 'b\n');
});

test('a file of many MiB arrives whole', async () => {
  const content = 'x'.repeat(12 * 1024 * 1024);
  const files = [
    { path: 'm.py', content: 'print(len(open("big").read()))' },
    { path: 'big', content },
  ];
  assert.equal((await run({ language: 'python', files })).stdout, `${content.length}\n`);
});

test('a program can write and run files of its own in /work and /tmp', async () => {
  const code =
    'for d in /work /tmp; do printf "#!/bin/sh\\necho $d" > $d/x; chmod +x $d/x; $d/x; done';
  assert.equal((await bash(code)).stdout, '/work\n/tmp\n');
});

test('labels come back, X-Request-Id comes back in the record', async () => {
  const labels = { submission: '42', __proto__x: 'y' };
  const headers = { 'content-type': 'application/json', 'x-request-id': 'trace-7' };
  const { body } = await post({ language: 'bash', code: ':', labels }, { headers });
  assert.ok(hasRecordsShape(body));
  assert.deepEqual(body.labels, labels);
  assert.equal(body.request_id, 'trace-7');
});

test('a compiled program: both stages have their results and limits', async () => {
  const code = '#include <stdio.h>\nint main(void){ puts("hi"); return 3; }';
  const execution = await run({ language: 'c', code });
  expectStatus(execution, 'runtime_error');
  assert.equal(execution.exit_code, 3);
  assert.equal(execution.stdout, 'hi\n');
  assert.equal(execution.compile?.exit_code, 0);
  assert.ok((execution.compile?.time_ms ?? 0) > 0);
  assert.equal(execution.limits.compile?.wall_time_ms, 60_000);
});

test('compile.args reach the compiler', async () => {
  const code = '#include <stdio.h>\nint main(void){ puts(NAME); }';
  const execution = await run({ language: 'c', code, compile: { args: ['-DNAME="given"'] } });
  assert.equal(execution.stdout, 'given\n');
});

test('a compile error has the compiler’s words, and nothing ran', async () => {
  const execution = await run({ language: 'c', code: 'int main(void) { return x; }' });
  expectStatus(execution, 'compile_error');
  assert.equal(execution.stage, 'compile');
  assert.match(execution.compile?.stderr ?? '', /undeclared/);
  assert.equal(execution.stdout, '');
  assert.equal(execution.exit_code, null);
  assert.equal(execution.time_ms, 0);
});

test('what the compiler made is there for the run, and the run may write beside it', async () => {
  const code = '#include <stdlib.h>\nint main(void){ return system("echo x > new && ls | sort"); }';
  const execution = await run({ language: 'c', code });
  assert.match(execution.stdout, /a\.out\n/);
  assert.match(execution.stdout, /new\n/);
});

for (const [exitCode, name] of [
  [1, 'one'],
  [137, 'what a shell says of a kill'],
  [255, 'the highest'],
] as const) {
  test(`exit code ${exitCode} (${name}) stays an exit code`, async () => {
    const execution = await bash(`exit ${exitCode}`);
    expectStatus(execution, 'runtime_error');
    assert.equal(execution.exit_code, exitCode);
    assert.equal(execution.signal, null);
  });
}

for (const signal of ['SIGSEGV', 'SIGKILL', 'SIGTERM', 'SIGABRT']) {
  test(`a program that dies of ${signal} says so`, async () => {
    const execution = await bash(`kill -${signal.slice(3)} $$`);
    expectStatus(execution, 'runtime_error');
    assert.equal(execution.signal, signal);
    assert.equal(execution.exit_code, null);
  });
}

test('artifacts come back by glob, text as text and bytes as base64', async () => {
  const execution = await bash(
    'mkdir -p out/deep; echo hi > out/a.txt; printf "\\377" > out/deep/b.bin; echo no > other; ' +
      'ln -s /etc/passwd out/link.txt',
    { artifacts: ['out/**'] },
  );
  const byPath = new Map(execution.artifacts?.map((artifact) => [artifact.path, artifact]));
  assert.deepEqual([...byPath.keys()].sort(), ['out/a.txt', 'out/deep/b.bin']);
  const text = byPath.get('out/a.txt');
  assert.deepEqual([text?.content, text?.encoding, text?.bytes], ['hi\n', 'utf8', 3]);
  const bytes = byPath.get('out/deep/b.bin');
  assert.deepEqual([bytes?.content, bytes?.encoding, bytes?.bytes], ['/w==', 'base64', 1]);
});

test('artifacts come back from a program that failed, too', async () => {
  const execution = await bash('echo x > left; exit 1', { artifacts: ['*'] });
  assert.ok(execution.artifacts?.some(({ path }) => path === 'left'));
});

test('nothing of one run is there in the next', async () => {
  const leave =
    'echo secret > /tmp/x; echo secret > /work/x; echo secret > /dev/shm/x; sleep 1000 &';
  await bash(leave);
  const look = await bash('cat /tmp/x /work/x /dev/shm/x 2>&1; ls /proc | grep -c "^[0-9]*$"');
  assert.doesNotMatch(look.stdout, /secret/);
});

test('an alias, a version and capitals name the same language', async () => {
  for (const language of ['py', 'python3', 'PYTHON', 'python@3']) {
    assert.equal((await run({ language, code: 'print(1)' })).language.id, 'python', language);
  }
});

test('the language list, its limits and the isolation are told by GET /capabilities', async () => {
  const { languages, limits, isolation } = await get<Capabilities>('/capabilities');
  const ids = languages.map(({ id }) => id);
  const shipped = 'bash c cpp go java javascript lua perl php python ruby rust sqlite typescript';
  for (const id of shipped.split(' ')) {
    assert.ok(ids.includes(id), id);
  }
  assert.equal(limits.run.ceilings.wall_time_ms, 60_000);
  assert.equal(isolation.level, 'full');
});

test('POST /capabilities/refresh looks again and answers the same list', async () => {
  const response = await fetch(`${testUrl()}/capabilities/refresh`, { method: 'POST' });
  assert.equal(response.status, 200);
  const { languages } = (await response.json()) as Capabilities;
  assert.ok(languages.find(({ id }) => id === 'bash')?.available);
});
