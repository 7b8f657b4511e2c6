import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { GozoConnectionError } from '@gozolite/sdk/errors';
import { Gozo } from '@gozolite/sdk/gozo';
import { publicKeyFile } from '@gozolite/store/audit/log/keys';
import { type ReceiptReport, verifyReceipt } from '@gozolite/store/audit/receipt/receipt';
import { auditFolders, readKeys } from '@gozolite/store/audit/verify/export';
import { DEFAULT_URL, type Where } from '../connect.js';
import { dataFolder } from '../tenancy/store.js';
import { UsageError } from '../usage-error.js';
import { keysOf } from './audit.js';
import type { ReceiptRequest } from './receipt-program.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** `gozo receipt …`. @returns the exit code: 1 where the receipt is not right */
export async function receipt(env: Environment, request: ReceiptRequest): Promise<number> {
  if (request.kind === 'get') return get(request.where, request.id);
  const { file, keys, contents, json } = request;
  const vkeys = keys.length > 0 ? keys.flatMap(keysOf) : localKeys(env);
  if (vkeys.length === 0) {
    throw new UsageError('there is no audit log on this machine: --key names who may sign');
  }
  const envelope = file === '-' ? await text(process.stdin) : read(file).toString('utf8');
  const report = verifyReceipt(envelope, {
    vkeys,
    contents: Object.fromEntries(
      Object.entries(contents).map(([name, path]) => [name, read(path)]),
    ),
  });
  const said = json ? JSON.stringify(report, null, 2) : describe(report);
  process.stdout.write(`${said}\n`);
  return report.findings.length === 0 ? 0 : 1;
}

async function get({ url = DEFAULT_URL, key }: Where, id: string): Promise<number> {
  if (!URL.canParse(url)) throw new GozoConnectionError(url, 'this is no URL');
  const gozo = new Gozo({ url, ...(key === undefined ? {} : { key }) });
  process.stdout.write(`${JSON.stringify(await gozo.receipt(id), null, 2)}\n`);
  return 0;
}

function localKeys(env: Environment): readonly string[] {
  return auditFolders(dataFolder(env)).flatMap((folder) => readKeys(publicKeyFile(folder)));
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function describe({ entry, log, size, key, matching, findings }: ReceiptReport): string {
  const { execution_id: id, status, tenant, at } = entry;
  return [
    `${id}: ${status ?? entry.kind}, of ${tenant}, ended ${at}`,
    ...findings.map((finding) => `  NOT RIGHT: ${finding}`),
    ...matching.map((name) => `  ${name}: is the one that it is of`),
    `  entry ${entry.index} of ${log}, proven in a tree of ${size}`,
    ...(key === undefined ? [] : [`  signed by ${key}`]),
  ].join('\n');
}
