import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Result, refuse } from '@gozolite/contract/result';
import { tenantIdFault } from '@gozolite/contract/tenancy/tenant';
import { type LanguageProblem, parseDescribed } from '@gozolite/languages/parse';
import { Ajv } from 'ajv';
import { isFetchable } from './fetch.js';
import { type Issuer, OidcFile } from './schema.js';

const BYTES_MAX = 1024 * 1024;

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** @returns the issuers, or everything that is wrong with the file, with its line */
export function readOidc(file: string): Result<readonly Issuer[], readonly LanguageProblem[]> {
  const content = readText(file);
  if (!content.ok) return content;
  const validate = new Ajv({ allErrors: true, strict: false, verbose: true }).compile<OidcFile>(
    OidcFile,
  );
  const faultsOf = ({ issuers }: OidcFile) => [
    ...issuers.flatMap((issuer, at) => issuerFaults(issuer).map(below('issuers', at))),
    ...twice(issuers),
  ];
  const parsed = parseDescribed(content.value, file, { validate, faultsOf });
  if (!parsed.ok) return parsed;
  const folder = dirname(file);
  const placed = ({ jwks_file: keys, ...issuer }: Issuer): Issuer =>
    keys === undefined ? issuer : { ...issuer, jwks_file: resolve(folder, keys) };
  return { ok: true, value: parsed.value.issuers.map(placed) };
}

function readText(file: string): Result<string, readonly LanguageProblem[]> {
  const wrong = (message: string) => refuse([{ file, line: 0, message }]);
  try {
    const bytes = readFileSync(file);
    if (bytes.length > BYTES_MAX) return wrong(`it is larger than ${BYTES_MAX} bytes`);
    return { ok: true, value: bytes.toString('utf8') };
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
}

function below(...path: readonly (string | number)[]) {
  return (fault: Fault): Fault => ({ ...fault, path: [...path, ...fault.path] });
}

function issuerFaults(own: Issuer): readonly Fault[] {
  const { issuer, jwks_url: url, jwks_file: file, tenant, scopes } = own;
  const faults: Fault[] = [];
  const add = (key: string, message: string) => faults.push({ path: [key], message });
  if (url !== undefined && file !== undefined) add('jwks_url', 'beside jwks_file: one of them');
  const from = url ?? (file === undefined ? issuer : undefined);
  if (from !== undefined && !isFetchable(from)) {
    const what = 'keys are fetched over https:// (over http:// from this host alone)';
    add(url === undefined ? 'issuer' : 'jwks_url', `${what}; or name a jwks_file`);
  }
  if ((tenant.is === undefined) === (tenant.claim === undefined)) {
    add('tenant', 'takes one of is and claim');
  }
  if (tenant.map !== undefined && tenant.claim === undefined) add('tenant', 'map needs a claim');
  for (const id of [tenant.is, ...Object.values(tenant.map ?? {})]) {
    const fault = id === undefined ? undefined : tenantIdFault(id);
    if (fault !== undefined) add('tenant', `"${id}": ${fault}`);
  }
  const isMapped = scopes?.claim !== undefined && scopes.map !== undefined;
  const isHalf = (scopes?.claim === undefined) !== (scopes?.map === undefined);
  if (scopes !== undefined && (isHalf || isMapped === (scopes.are !== undefined))) {
    add('scopes', 'takes are, or claim with map');
  }
  return faults;
}

function twice(issuers: readonly Issuer[]): readonly Fault[] {
  return issuers.flatMap(({ issuer }, at) =>
    issuers.findIndex((other) => other.issuer === issuer) === at
      ? []
      : [{ path: ['issuers', at, 'issuer'], message: `"${issuer}" stands there twice` }],
  );
}
