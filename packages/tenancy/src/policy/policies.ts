import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import { tenantIdFault } from '@gozolite/contract/tenancy/tenant';
import { statLine, watchFolder } from '@gozolite/languages/file/watch-folder';
import type { KnownNames } from '@gozolite/languages/names/known';
import { type LanguageProblem, parseDescribed } from '@gozolite/languages/parse';
import { Ajv } from 'ajv';
import { languageFaults, policyFaults } from './check.js';
import { type BasePolicy, type Policy, resolvePolicy } from './policy.js';
import { PolicyFile } from './schema.js';

const POLL_MS = 2000;
const BYTES_MAX = 1024 * 1024;
/** Of all tenants that have none of their own; `local` is the one of a server without keys. */
const DEFAULT = 'default';

/** Where a policy is wrong: its file, the line (0: none is to blame) and what. */
export type PolicyProblem = LanguageProblem;

/** What each tenant may do, as it is written now. */
export interface Policies extends Disposable {
  /** Whether any folder of policies was named. */
  readonly isConfigured: boolean;
  of(tenant: string): Policy;
  /** Of each policy that is written, by the name of its file. */
  digests(): Readonly<Record<string, string>>;
  /** Of files that are refused; what they said before they were broken is still in force. */
  problems(): readonly PolicyProblem[];
}

export interface PoliciesOptions {
  /** `default.yaml` and `<tenant>.yaml`; '': every tenant has what the server allows. */
  readonly folder: string;
  readonly base: BasePolicy;
  /** What its languages may be called; absent: nobody looks. */
  readonly languages?: KnownNames | undefined;
  readonly onChange: (problems: readonly PolicyProblem[]) => void;
  readonly pollMs?: number;
}

type Read = ReadonlyMap<string, Result<PolicyFile, readonly PolicyProblem[]>>;

/** @returns or refuses with what is wrong: at the start no older policy could stay in force */
export function openPolicies(options: PoliciesOptions): Result<Policies, readonly PolicyProblem[]> {
  const { folder, base, languages } = options;
  const none = resolvePolicy(base, {});
  if (folder === '') {
    const nothing = () => undefined;
    const policies = { isConfigured: false, of: () => none, digests: () => ({}) };
    return ok({ ...policies, problems: () => [], [Symbol.dispose]: nothing });
  }
  const read = createReader(folder, base, languages);
  const first = tryRead(folder, read);
  const faults = problemsOf(first);
  if (faults.length > 0) return refuse(faults);
  return ok(watched(options, first, read));
}

function watched(
  { folder, base, languages, onChange, pollMs = POLL_MS }: PoliciesOptions,
  first: Read,
  read: () => Read,
): Policies {
  const none = resolvePolicy(base, {});
  const resolve = (file: PolicyFile) => resolvePolicy(base, file, languages?.names());
  let inForce = inForceOf(resolve, first, new Map());
  let problems: readonly PolicyProblem[] = [];
  const readAgain = () => {
    const found = tryRead(folder, read);
    problems = problemsOf(found);
    // A folder that can't be read says nothing of what its files say.
    if (!found.has('')) inForce = inForceOf(resolve, found, inForce);
    onChange(problems);
  };
  let reading = Promise.resolve();
  const watching = watchFolder({
    folder,
    // A language that comes may be the one that a policy is refused for.
    signature: () => `${signatureOf(folder)}\n${languages?.signature() ?? ''}`,
    pollMs,
    changed: () => {
      if (languages === undefined) readAgain();
      // One after the other: the last one sees what is there last.
      else reading = reading.then(languages.refresh).then(readAgain);
    },
  });
  return {
    isConfigured: true,
    of: (tenant) => inForce.get(tenant) ?? inForce.get(DEFAULT) ?? none,
    digests: () => Object.fromEntries([...inForce].map(([name, { digest }]) => [name, digest])),
    problems: () => problems,
    [Symbol.dispose]: () => watching[Symbol.dispose](),
  };
}

/** The good ones as they are now, the broken ones as they were. */
function inForceOf(
  resolve: (file: PolicyFile) => Policy,
  read: Read,
  before: ReadonlyMap<string, Policy>,
): ReadonlyMap<string, Policy> {
  const inForce = new Map<string, Policy>();
  for (const [name, file] of read) {
    const old = before.get(name);
    if (file.ok) inForce.set(name, resolve(file.value));
    else if (old !== undefined) inForce.set(name, old);
  }
  return inForce;
}

function problemsOf(read: Read): readonly PolicyProblem[] {
  return [...read.values()].flatMap((file) => (file.ok ? [] : file.error));
}

/** @returns under the name '' why the folder itself can't be read */
function tryRead(folder: string, read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return new Map([['', refuse([{ file: folder, line: 0, message }])]]);
  }
}

function createReader(
  folder: string,
  base: BasePolicy,
  languages: KnownNames | undefined,
): () => Read {
  const ajv = new Ajv({ allErrors: true, strict: false, verbose: true });
  const validate = ajv.compile<PolicyFile>(PolicyFile);
  const faultsOf = (file: PolicyFile) => [
    ...(languages === undefined ? [] : languageFaults(languages.names(), file)),
    ...policyFaults(base, file),
  ];
  return () =>
    new Map(
      namesIn(folder).map((name) => {
        const file = join(folder, `${name}.yaml`);
        const wrong = nameFault(name) ?? sizeFault(file);
        if (wrong !== undefined) return [name, refuse([{ file, line: 0, message: wrong }])];
        return [name, parseDescribed(readFileSync(file, 'utf8'), file, { validate, faultsOf })];
      }),
    );
}

function namesIn(folder: string): readonly string[] {
  const files = readdirSync(folder).filter((name) => /^[^.].*\.yaml$/.test(name));
  return files.map((name) => name.slice(0, -'.yaml'.length)).sort();
}

function nameFault(name: string): string | undefined {
  if (name === DEFAULT || name === 'local' || tenantIdFault(name) === undefined) return undefined;
  return "a policy's file is default.yaml or <tenant>.yaml";
}

function sizeFault(file: string): string | undefined {
  return statSync(file).size > BYTES_MAX ? `it is larger than ${BYTES_MAX} bytes` : undefined;
}

function signatureOf(folder: string): string {
  try {
    const lines = namesIn(folder).map((name) => {
      const stat = statSync(join(folder, `${name}.yaml`), { throwIfNoEntry: false });
      return statLine(name, stat);
    });
    return lines.join('\n');
  } catch (error) {
    return String(error);
  }
}
