import { getJson } from './answers.mjs';

const LINE_WIDTH = 96;

/** What a person wants to know after a start: where, how well confined, and which languages. */
export async function printReport(settings, say) {
  if (settings.environment.GOZO_AUTH === 'keys') return say(keyedReport(settings));
  const [capabilities, diagnostics] = await Promise.all([
    getJson(settings, '/capabilities'),
    getJson(settings, '/diagnostics'),
  ]);
  say(reportText(settings, capabilities, diagnostics));
}

/** What it is and can do is told to those with a key, the start itself has none. */
export function keyedReport(settings) {
  const url = addressOf(settings);
  return [
    '',
    `GozoLite listens on ${url} and wants an API key`,
    '',
    '  first key   gozo tenants create <id>, then gozo keys create <id>',
    `  with it     GOZO_URL=${url} GOZO_KEY=gzl_... gozo languages`,
    `  logs        ${settings.state}/log`,
    '  stop        Ctrl-C',
    '',
  ].join('\n');
}

export function reportText(settings, capabilities, diagnostics) {
  const missing = capabilities.languages.filter(({ reason }) => reason === 'TOOLCHAIN_MISSING');
  return [
    '',
    `GozoLite ${capabilities.version} listens on ${addressOf(settings)}`,
    '',
    ...isolationLines(capabilities.isolation, diagnostics),
    ...languageLines(capabilities.languages),
    ...installLines(settings, missing),
    ...(diagnostics.healthy ? [] : ['', ...unhealthyLines(diagnostics)]),
    '',
    `  logs        ${settings.state}/log`,
    '  stop        Ctrl-C',
    '',
  ].join('\n');
}

export function addressOf({ host, port }) {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function isolationLines(isolation, diagnostics) {
  const namespaces = isolation.layers
    .filter((layer) => layer.endsWith('-namespace'))
    .map((layer) => layer.replace('-namespace', ''));
  const state = (layer) => {
    if (isolation.layers.includes(layer)) return `${layer} on`;
    const reason = isolation.missing.find((each) => each.layer === layer)?.reason;
    return `${layer} missing${reason === undefined ? '' : ` (${reason})`}`;
  };
  const others = isolation.missing.filter(({ layer }) => !['seccomp', 'landlock'].includes(layer));
  const filters = `${state('seccomp')}, ${state('landlock')}`;
  return [
    `  isolation   ${isolation.level} (${isolation.backend}), ${filters}`,
    `              namespaces: ${namespaces.join(', ')}`,
    `              cgroup ${diagnostics.cgroup}, kernel ${diagnostics.kernel}`,
    ...others.map(({ layer, reason }) => `              missing: ${layer} (${reason})`),
  ];
}

function languageLines(languages) {
  // Those whose first program still runs are here; whether they work is told a moment later.
  const here = languages.filter(({ available, reason }) => available || reason === PENDING);
  const pending = here.filter(({ available }) => !available);
  const failed = languages.filter(({ reason }) => reason === 'SMOKE_FAILED');
  const names = here.map(({ id, version }) => (version === null ? id : `${id} ${version}`));
  const head = `${here.length} of ${languages.length}`;
  const notes = [
    ...(pending.length === 0 ? [] : [`  trying      ${pending.length}: gozo languages says more`]),
    ...(failed.length === 0 ? [] : [`  failing     ${failed.map(({ id }) => id).join(', ')}`]),
  ];
  if (names.length === 0) return [`  languages   ${head}`, ...notes];
  const listed = wrap(names.map((name, at) => (at < names.length - 1 ? `${name},` : name)));
  const lines = listed.map((line, at) =>
    at === 0 ? `  languages   ${head}: ${line}` : `              ${line}`,
  );
  return [...lines, ...notes];
}

const PENDING = 'SMOKE_PENDING';

function wrap(words) {
  const lines = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length + 1 <= LINE_WIDTH - 24) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

/** So many are listed; more would push what matters off the screen. */
const MISSING_MAX = 10;

function installLines(settings, missing) {
  if (missing.length === 0) return [];
  if (missing.length > MISSING_MAX) {
    return [`  missing     ${missing.length} languages; gozo languages tells how to get each`];
  }
  return [
    `  missing     ${missing.map(({ id }) => id).join(', ')}; to install them:`,
    ...installCommands(missing).map((command) => `              ${command}`),
    `              then: curl -X POST ${addressOf(settings)}/capabilities/refresh`,
  ];
}

/** One apt-get line and one npm line for all missing toolchains together, others as they are. */
export function installCommands(missing) {
  const commands = missing.flatMap(({ install }) => (install === undefined ? [] : [install]));
  const parts = commands.flatMap((command) => command.split(' && '));
  const merged = new Map();
  for (const part of parts) {
    const head = HEADS.find((each) => each.pattern.test(part));
    const words = head === undefined ? [] : part.replace(head.pattern, '').split(/\s+/);
    const key = head === undefined ? part : head.command;
    const packages = merged.get(key) ?? new Set();
    for (const word of words) if (word !== '' && !word.startsWith('-')) packages.add(word);
    merged.set(key, packages);
  }
  return [...merged].map(([head, packages]) => [head, ...[...packages].sort()].join(' '));
}

const HEADS = [
  {
    pattern: /^(?:sudo )?apt-get install\b/,
    command: 'apt-get install -y --no-install-recommends',
  },
  {
    pattern: /^(?:sudo )?npm install -g --prefix \/usr\/local\b/,
    command: 'npm install -g --prefix /usr/local',
  },
];

function unhealthyLines(diagnostics) {
  const bad = diagnostics.findings.filter(({ state }) => state !== 'present');
  return bad.map(({ id, detail, remedy }) => {
    return `  ! ${id}: ${detail}${remedy === undefined ? '' : ` → ${remedy}`}`;
  });
}
