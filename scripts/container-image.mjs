#!/usr/bin/env node
// Makes the image of the container backend from this host's toolchains, as told in
// docs/reference/container.md:
// node scripts/container-image.mjs [--socket PATH] [--tag NAME] [--uid-base UID]
//   [--usr host|image] [--from FOLDER]
import { build } from './build/build.mjs';
import { ensureDependencies } from './build/dependencies.mjs';
import { makeImage } from './container/make-image.mjs';
import { UID_BASE } from './container/prepare-image.mjs';
import { StartError } from './start/errors.mjs';

const DEFAULTS = {
  socket: process.env.GOZO_DOCKER_SOCKET || '/var/run/docker.sock',
  tag: process.env.GOZO_CONTAINER_IMAGE || 'gozolite/sandbox',
  'uid-base': UID_BASE,
  usr: 'host',
  from: '/',
};

async function main() {
  const say = (line) => process.stdout.write(`${line}\n`);
  const settings = readFlags(process.argv.slice(2));
  await ensureDependencies(say);
  await build(say);
  const made = await makeImage(settings);
  const whose = settings.usr === 'host' ? "the host's" : 'its own';
  say(`${settings.tag} is ${made.id}, with ${whose} /usr`);
}

function readFlags(words) {
  const settings = { ...DEFAULTS };
  for (let at = 0; at < words.length; at += 2) {
    const name = (words[at] ?? '').replace(/^--/, '');
    const value = words[at + 1];
    if (!(name in DEFAULTS) || value === undefined) throw usage();
    settings[name] = value;
  }
  if (!['host', 'image'].includes(settings.usr)) throw usage();
  return { ...settings, uidBase: settings['uid-base'] };
}

function usage() {
  const flags = Object.keys(DEFAULTS).map((name) => `[--${name} VALUE]`);
  return new StartError(`usage: node scripts/container-image.mjs ${flags.join(' ')}`, 64);
}

main().catch((error) => {
  process.stderr.write(`${error instanceof StartError ? error.message : error.stack}\n`);
  process.exit(error instanceof StartError ? error.exitCode : 70);
});
