import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PackedPackage } from '../../installed.js';
import { hostEnvironment, sharedBinds } from '../environment.js';
import { type BuildContext, runInside } from '../root.js';
import { runTool } from '../tool.js';

/** Debian packages that a root with Maven has. */
export const MAVEN_PACKAGES = ['maven', 'ca-certificates', 'ca-certificates-java'];

const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1';

/**
 * Copies the jars of artifacts and of what they need at run time. The host's Maven is taken where
 * there is one, else one in a root of its own; either has the host's settings.xml.
 */
export async function installMaven(
  context: BuildContext,
  { root, tools, language }: { root: string; tools: string | undefined; language: string },
  artifacts: readonly string[],
): Promise<readonly PackedPackage[]> {
  const repository = join(context.folders.downloads, 'maven');
  const project = join(context.folders.downloads, `maven-${language}`);
  const target = join(root, 'usr/local/lib/gozolite/maven', language);
  for (const folder of [repository, project, target]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(project, 'pom.xml'), pomOf(artifacts));
  const inside = tools !== undefined;
  const command = [
    // Strict checksums: a file that is not what the repository says ends the build.
    ...['mvn', '--batch-mode', '--quiet', '--strict-checksums'],
    ...['--file', inside ? '/mnt/project/pom.xml' : join(project, 'pom.xml')],
    `-Dmaven.repo.local=${inside ? '/mnt/repository' : repository}`,
    ...[`${PLUGIN}:copy-dependencies`, '-DincludeScope=runtime'],
    `-DoutputDirectory=${inside ? '/mnt/target' : target}`,
  ];
  if (tools === undefined) {
    const { env, signal } = context;
    await runTool('mvn', { command, env: hostEnvironment(env), signal });
  } else {
    await runInside('mvn', context, {
      root: tools,
      hasNetwork: true,
      command,
      binds: [
        ...sharedBinds(context.env),
        [target, '/mnt/target'],
        [repository, '/mnt/repository'],
        [project, '/mnt/project'],
      ],
    });
  }
  return packagesOf(repository, new Set(readdirSync(target)));
}

function pomOf(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(':');
    return (
      `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId>` +
      `<version>${version}</version></dependency>`
    );
  });
  return (
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>' +
    '<groupId>gozolite</groupId><artifactId>pack</artifactId><version>1</version>' +
    `<dependencies>${dependencies.join('')}</dependencies></project>\n`
  );
}

/** A local repository keeps each jar below group/artifact/version. */
function packagesOf(repository: string, jars: ReadonlySet<string>): readonly PackedPackage[] {
  return readdirSync(repository, { recursive: true, encoding: 'utf8' })
    .filter((path) => jars.has(path.slice(path.lastIndexOf('/') + 1)))
    .map((path) => {
      const [version = '', name = '', ...group] = path.split('/').reverse().slice(1);
      return { ecosystem: 'maven', name: `${group.reverse().join('.')}:${name}`, version };
    });
}
