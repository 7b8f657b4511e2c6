import { realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** The server drains for GOZO_DRAIN_MS at most (its own default stands here too). */
const DRAIN_MS = 30_000;
const AFTER_DRAIN_MS = 5_000;
const SERVER_NICE = '-5';
const LAUNCHER_GRACE_MS = 10_000;

/** Were we killed, the kernel would tell our programs to end (PR_SET_PDEATHSIG, prctl(2)). */
const ENDS_WITH_US = ['--pdeathsig', 'TERM'];

/** What is started, with which rights, and how long it may take to end. */
export function launcherProgram(settings, installed) {
  const args = ['--socket', settings.socket, '--socket-owner', String(installed.user.uid)];
  const base = settings.uidBase === null ? [] : ['--uid-base', String(settings.uidBase)];
  const allow = settings.networkAllow === '' ? [] : ['--network-allow', settings.networkAllow];
  const floor = ['--floor', settings.floor, '--packs', settings.packs];
  // The launcher follows no link.
  const caches = settings.caches === null ? [] : ['--caches', realpathSync(settings.caches)];
  const program = join(installed.folder, 'sandboxd');
  return {
    name: 'launcher',
    command: 'setpriv',
    args: [...ENDS_WITH_US, '--', program, ...args, ...base, ...floor, ...caches, ...allow],
    env: { PATH },
    graceMs: LAUNCHER_GRACE_MS,
  };
}

/** setpriv (util-linux) gives the server its user, no capability and no way to a new one. */
export function serverProgram(settings, { user, folder, node }) {
  const change = ['--reuid', String(user.uid), '--regid', String(user.gid), ...groupsOf(settings)];
  // An ordinary user is who it is, has no capability, and can't give itself a better place.
  const confine = settings.isRoot ? [...change, '--bounding-set=-all'] : [];
  const without = ['--inh-caps=-all', '--no-new-privs'];
  const program = [...ENDS_WITH_US, ...confine, ...without, '--', node, join(folder, 'server.mjs')];
  // It answers while two hundred programs want the CPUs: nice(1) puts it before them.
  const [command, ...args] = settings.isRoot
    ? ['nice', '-n', SERVER_NICE, 'setpriv', ...program]
    : ['setpriv', ...program];
  return {
    name: 'server',
    command,
    args,
    env: {
      ...settings.environment,
      PATH,
      LANG: 'C.UTF-8',
      NODE_ENV: 'production',
      GOZO_HOST: settings.host,
      GOZO_PORT: String(settings.port),
      GOZO_SOCKET: settings.socket,
      GOZO_STATE: settings.state,
      GOZO_PACKS: settings.packs,
      GOZO_CACHES: settings.caches ?? 'off',
      GOZO_DATA: join(settings.state, 'data'),
    },
    graceMs: Number(settings.environment.GOZO_DRAIN_MS || DRAIN_MS) + AFTER_DRAIN_MS,
  };
}

/** None; with the container backend the one that may use the engine's socket. */
function groupsOf({ engine }) {
  const gid = engine === null ? 0 : statSync(engine.socket).gid;
  return gid === 0 ? ['--clear-groups'] : ['--groups', String(gid)];
}
