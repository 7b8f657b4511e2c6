import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** What the clients of the registries are told of mirrors, proxies and certificates. */
const REGISTRY_SETTINGS = new RegExp(
  `^(${[
    '(https?|ftp|no|all)_proxy',
    'PIP_\\w+',
    'npm_config_(registry|cafile|ca|userconfig|globalconfig|https?_proxy|proxy|noproxy|strict_ssl)',
    'npm_config_fetch\\w*',
    'GO(PROXY|SUMDB|NOSUMDB|NOPROXY|PRIVATE|INSECURE|TOOLCHAIN)',
    'CARGO_(HTTP|NET|REGISTR|SOURCE)\\w*',
    'MAVEN_(OPTS|ARGS)',
    'SSL_CERT_(FILE|DIR)',
    'REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS',
  ].join('|')})$`,
  'i',
);

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** For a client of the host: its settings for registries, and a place for what is its own. */
export function hostEnvironment(env: Environment): Record<string, string> {
  return { ...registrySettings(env), PATH: env.PATH ?? PATH, HOME: env.HOME ?? '/root', ...PLAIN };
}

/** For a program in a build root: nothing of the host but its settings for registries. */
export function rootEnvironment(env: Environment): Record<string, string> {
  return {
    ...registrySettings(env),
    ...PLAIN,
    PATH,
    HOME: '/root',
    DEBIAN_FRONTEND: 'noninteractive',
    DEBCONF_NONINTERACTIVE_SEEN: 'true',
    // Packages that stamp what they generate take the time from here.
    SOURCE_DATE_EPOCH: '946684800',
  };
}

const PLAIN = { LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', TZ: 'UTC' };

function registrySettings(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && REGISTRY_SETTINGS.test(name) ? [[name, value]] : [],
    ),
  );
}

/**
 * Files and folders of the host that a client in a build root has to see, with their places in it:
 * certificates, settings, what the settings name.
 */
export function sharedBinds(env: Environment): readonly (readonly [from: string, to: string])[] {
  return [...sharedPaths(env).map((path) => [path, path] as const), ...settingsAtHome(env)];
}

function sharedPaths(env: Environment): readonly string[] {
  const home = env.HOME ?? '/root';
  const named = Object.values(registrySettings(env)).filter((value) => isAbsolute(value));
  const paths = [
    '/etc/resolv.conf',
    '/etc/hosts',
    '/etc/ssl/certs',
    '/usr/share/ca-certificates',
    '/usr/local/share/ca-certificates',
    '/etc/pip.conf',
    '/etc/maven/settings.xml',
    ...named,
  ];
  return [...new Set(paths)].filter((path) => existsSync(path) && !path.startsWith(home));
}

/** Settings in the user's home, with the place where root's would be. */
function settingsAtHome(env: Environment): readonly (readonly [string, string])[] {
  const home = env.HOME ?? '/root';
  return ['.config/pip/pip.conf', '.pip/pip.conf', '.m2/settings.xml', '.cargo/config.toml']
    .map((path) => [`${home}/${path}`, `/root/${path}`] as const)
    .filter(([from]) => existsSync(from));
}
