import assert from 'node:assert/strict';
import { test } from 'vitest';
import { installCommands, reportText } from './report.mjs';

const APT = 'apt-get install -y --no-install-recommends';
const NPM = 'npm install -g --prefix /usr/local';

const rows = [
  { name: 'nothing missing, nothing to run', installs: [], commands: [] },
  {
    name: 'packages of several languages are one apt-get line, each once',
    installs: [`${APT} php-cli`, `${APT} lua5.4 php-cli`],
    commands: [`${APT} lua5.4 php-cli`],
  },
  {
    name: 'a toolchain of both kinds is one line of each kind',
    installs: [`${APT} nodejs && ${NPM} typescript@5`, `${APT} gcc`],
    commands: [`${APT} gcc nodejs`, `${NPM} typescript@5`],
  },
  {
    name: 'a command of another kind stays as it is',
    installs: ['see https://example.org', `${APT} gcc`],
    commands: ['see https://example.org', `${APT} gcc`],
  },
];

for (const { name, installs, commands } of rows) {
  test(name, () =>
    assert.deepEqual(installCommands(installs.map((install) => ({ install }))), commands),
  );
}

const MISSING = 'TOOLCHAIN_MISSING';
const CAPABILITIES = {
  version: '0.1.0',
  languages: [
    { id: 'bash', version: '5.2.15', available: true },
    { id: 'go', version: '1.26.8', available: false, reason: 'SMOKE_PENDING' },
    { id: 'php', version: '8.2.36', available: false, reason: 'SMOKE_FAILED' },
    { id: 'lua', version: null, available: false, reason: MISSING, install: `${APT} lua5.4` },
  ],
  isolation: {
    backend: 'native',
    level: 'full',
    layers: ['user-namespace', 'pid-namespace', 'seccomp'],
    missing: [{ layer: 'landlock', reason: 'ENOSYS' }],
  },
};

test('the report names address, isolation, languages and what would install the others', () => {
  const settings = { host: '::1', port: 7070, state: '/var/lib/gozolite' };
  const diagnostics = { healthy: true, cgroup: 'v2', kernel: '6.1.0', findings: [] };
  assert.equal(
    reportText(settings, CAPABILITIES, diagnostics),
    `
GozoLite 0.1.0 listens on http://[::1]:7070

  isolation   full (native), seccomp on, landlock missing (ENOSYS)
              namespaces: user, pid
              cgroup v2, kernel 6.1.0
  languages   2 of 4: bash 5.2.15, go 1.26.8
  trying      1: gozo languages says more
  failing     php
  missing     lua; to install them:
              ${APT} lua5.4
              then: curl -X POST http://[::1]:7070/capabilities/refresh

  logs        /var/lib/gozolite/log
  stop        Ctrl-C
`,
  );
});
