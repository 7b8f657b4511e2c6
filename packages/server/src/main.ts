import { existsSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createLogger, type Logger } from '@gozolite/telemetry/logger';
import { openTracing } from '@gozolite/telemetry/tracing/open';
import type { Tracer } from '@gozolite/telemetry/tracing/span';
import { compose, type House } from './compose.js';
import { type Config, readConfig } from './config.js';
import { addressesOf, listenOn } from './http/addresses/listen.js';
import { openService, type Service } from './service.js';
import { VERSION } from './version.js';

/** sysexits.h: EX_CONFIG. A supervisor does not start it again. */
const EXIT_CONFIG = 78;
/** After draining, for the last answers to leave; silent connections stay so long. */
const CLOSE_MS_MAX = 1000;

async function main(): Promise<void> {
  const isCheck = process.argv[2] === '--check-config';
  const flags = process.argv.slice(isCheck ? 3 : 2);
  const read = readConfig(process.env, flags, availableParallelism());
  if (!read.ok) {
    stop(
      EXIT_CONFIG,
      `gozolite cannot start:\n${read.error.map((line) => `  ${line}`).join('\n')}`,
    );
    return;
  }
  if (isCheck) return;
  const config = read.value;
  const log = createLogger({ level: config.logLevel, to: 'stdout' });
  const { tracing: settings } = config.observing;
  const tracer = settings && (await openTracing({ settings, version: VERSION, log }));
  const opened = await openService(config, log, shippedFolder('languages'));
  if (!opened.ok) {
    const { kind, message } = opened.error;
    stop(kind === 'store' ? 1 : EXIT_CONFIG, `gozolite cannot start:\n  ${message}`);
    return;
  }
  const service = opened.value;
  const house = compose({
    config,
    log,
    service,
    tracer,
    languagesFolder: shippedFolder('languages'),
    attacksFolder: shippedFolder('attacks'),
  });
  house.opened.catch((error: unknown) => {
    stop(EXIT_CONFIG, `gozolite cannot start: ${messageOf(error)}`);
  });
  const leaving = { house, service, tracer, log };
  process.on('SIGTERM', () => void leave(leaving));
  process.on('SIGINT', () => void leave(leaving));
  try {
    // Detection goes on behind: /healthz answers, and an execution waits for it.
    await listen(house, config);
  } catch (error) {
    stop(1, `gozolite cannot listen: ${messageOf(error)}`);
    return;
  }
  log.info({ address: describe(config) }, 'listening');
  await house.opened;
  log.info({}, 'toolchains known');
}

async function listen({ app }: House, { listen: address }: Config): Promise<void> {
  if (address.kind === 'tcp') {
    await listenOn(app, await addressesOf(address.host), address.port);
    return;
  }
  rmSync(address.path, { force: true });
  await app.listen({ path: address.path });
}

let isLeaving = false;

interface Leaving {
  readonly house: House;
  readonly service: Service;
  readonly tracer: Tracer | undefined;
  readonly log: Logger;
}

/** The first signal drains, the second leaves at once: closed connections end all sandboxes. */
async function leave({ house, service, tracer, log }: Leaving): Promise<void> {
  if (isLeaving) process.exit(1);
  isLeaving = true;
  log.info({}, 'draining');
  await house.drain();
  const deadline = setTimeout(() => house.app.server.closeAllConnections(), CLOSE_MS_MAX);
  await house.app.close();
  clearTimeout(deadline);
  await house[Symbol.asyncDispose]();
  await service[Symbol.asyncDispose]();
  await tracer?.[Symbol.asyncDispose]();
  log.info({}, 'stopped');
  process.exit(0);
}

/** Beside the bundle where it is installed; in the source tree, three folders up. */
function shippedFolder(name: string): string {
  const beside = fileURLToPath(new URL(`${name}/`, import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL(`../../../${name}/`, import.meta.url));
}

function describe({ listen: address }: Config): string {
  return address.kind === 'tcp' ? `http://${address.host}:${address.port}` : address.path;
}

function stop(exitCode: number, message: string): void {
  process.stderr.write(`${message}\n`);
  process.exit(exitCode);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

await main();
