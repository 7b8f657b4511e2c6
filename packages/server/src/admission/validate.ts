import type { ExecuteRequest } from '@gozolite/contract/execution';
import type { LimitPolicy, Limits } from '@gozolite/contract/limits';
import type { NetworkPolicy } from '@gozolite/contract/network';
import type { Recipe } from '@gozolite/contract/recipe';
import type { Refusal } from '@gozolite/contract/refusal';
import { ok, type Result, refuse } from '@gozolite/contract/result';
import type { Admitted, Identity, MissingToolchain } from '@gozolite/engine/admitted';
import type { Registry } from '@gozolite/languages/registry';
import type { WorkspaceFile } from '@gozolite/sandbox/backend';
import type { Policy } from '@gozolite/tenancy/policy/policy';
import type { DataSets } from '../packs/data.js';
import type { Took } from '../smokes/took.js';
import { argumentFaults } from './arguments.js';
import { type Contents, readContents } from './contents.js';
import { dataFaults, dataOf } from './data/grant.js';
import { type Fault, pointer, refusalOf } from './fault.js';
import { labelFaults } from './labels.js';
import { limitFaults, resolveLimits, runtimeFaults } from './limits.js';
import { networkFaults, networkOf } from './network/permit.js';
import { globFault } from './paths.js';
import { priorityFaults, ruleFaults } from './policy/rules.js';
import type { ShapeCheck } from './shape.js';
import { surrogateFault } from './text.js';

export interface ValidationDeps {
  readonly hasShape: ShapeCheck;
  readonly registry: Pick<Registry, 'resolve'>;
  readonly policy: LimitPolicy;
  readonly network: NetworkPolicy;
  readonly data: DataSets;
  /** Undefined where nothing was measured. */
  readonly takes?: ((recipe: Recipe) => Took | undefined) | undefined;
  /** What else the tenant's policy says; absent: nothing. */
  readonly own?: OwnPolicy;
  /** Of that policy, for the record. */
  readonly policyDigest?: string;
}

/** What a policy and an admitted request call the same. */
type GrantedByPolicy = 'isolationFloor' | 'weight' | 'templates';

function grantedBy({ isolationFloor, weight, templates }: Pick<Policy, GrantedByPolicy>) {
  return { isolationFloor, weight, templates };
}

/** What a tenant's policy says of a request, beside limits, network and data. */
type OwnPolicy = Pick<Policy, 'languages' | 'rules' | 'priority' | GrantedByPolicy>;

/** Who asks and under which name: all of a record that the body does not say. */
export type Caller = Pick<Identity, 'id' | 'requestId' | 'tenant' | 'createdAt' | 'span'>;

export type Validated =
  | { readonly kind: 'admitted'; readonly admitted: Admitted }
  | { readonly kind: 'missing'; readonly missing: MissingToolchain };

/**
 * A parsed body as a request that can run: shape, then every value, then the language. All faults
 * of one kind are named together, each with its JSON pointer.
 */
export function validate(
  deps: ValidationDeps,
  caller: Caller,
  body: unknown,
): Result<Validated, Refusal> {
  const shaped = deps.hasShape(body);
  if (!shaped.ok) return refuse(refusalOf(shaped.error));
  const request = shaped.value;
  const contents = readContents(request);
  const values = valueFaults(deps, request);
  if (!contents.ok) return refuse(refusalOf([...contents.error, ...values]));
  const faults = [...values, ...(deps.own ? policyFaults(deps.own, request, contents.value) : [])];
  if (faults.length > 0) return refuse(refusalOf(faults));
  const language = resolveLanguage(deps, request.language);
  if (!language.ok) return language;
  const recipe = language.value.kind === 'available' ? language.value.recipe : undefined;
  const asked = { run: request.limits ?? {}, compile: request.compile?.limits ?? {} };
  const tooLow = runtimeFaults(recipe && deps.takes?.(recipe), asked.run);
  if (tooLow.length > 0) return refuse(refusalOf(tooLow));
  const limits = resolveLimits(deps.policy, recipe, asked);
  const { labels } = request;
  const identity: Identity = {
    ...{ ...caller, limits },
    ...(labels === undefined ? {} : { labels }),
    ...(deps.policyDigest === undefined ? {} : { policyDigest: deps.policyDigest }),
  };
  if (language.value.kind === 'missing') {
    const { language: id, version, message } = language.value;
    return ok({ kind: 'missing', missing: { ...identity, language: id, version, message } });
  }
  const admitted = admittedOf(identity, request, {
    recipe: language.value.recipe,
    contents: contents.value,
    granted: {
      ...networkOf(deps.network, request.network),
      ...dataOf(deps.data, request.data ?? []),
      ...(deps.own && grantedBy(deps.own)),
      priority: request.priority ?? deps.own?.priority.default ?? 0,
    },
  });
  const tooSmall = diskFaults(admitted.files, limits);
  if (tooSmall.length > 0) return refuse(refusalOf(tooSmall));
  return ok({ kind: 'admitted', admitted });
}

function policyFaults(
  own: OwnPolicy,
  request: ExecuteRequest,
  contents: Contents,
): readonly Fault[] {
  return [...priorityFaults(own, request.priority), ...ruleFaults(own.rules, contents)];
}

type Known = Exclude<
  ReturnType<Registry['resolve']>,
  { readonly kind: 'unknown' | 'unknown-version' }
>;

function resolveLanguage(
  { registry, own }: ValidationDeps,
  reference: string,
): Result<Known, Refusal> {
  const resolution = registry.resolve(reference);
  switch (resolution.kind) {
    case 'available':
    case 'missing':
      return languagePermit(own?.languages, resolution);
    case 'unknown': {
      const nearest = resolution.nearest;
      const hint = nearest.length === 0 ? '' : ` The nearest are ${nearest.join(', ')}.`;
      return refuse(unknownLanguage(`There is no language "${reference}".${hint}`, nearest));
    }
    case 'unknown-version': {
      const { language, known } = resolution;
      const versions = known.join(', ');
      const what = `no version or variant of ${language}`;
      const detail = `"${reference}" names ${what}; known are ${versions}.`;
      return refuse(
        unknownLanguage(
          detail,
          known.map((version) => `${language}@${version}`),
        ),
      );
    }
  }
}

function languagePermit(
  languages: ReadonlySet<string> | undefined,
  known: Known,
): Result<Known, Refusal> {
  const id = known.kind === 'available' ? known.recipe.language : known.language;
  if (languages === undefined || languages.has(id)) return ok(known);
  const detail = `The policy does not permit ${id}; it permits ${[...languages].join(', ')}.`;
  const fault: Fault = { pointer: pointer('language'), code: 'FORBIDDEN', detail };
  return refuse(refusalOf([fault]));
}

function unknownLanguage(detail: string, nearest: readonly string[]): Refusal {
  const code = 'UNKNOWN_LANGUAGE';
  return { code, detail, nearest, errors: [{ pointer: pointer('language'), code, detail }] };
}

function valueFaults(
  { policy, network, data }: ValidationDeps,
  request: ExecuteRequest,
): readonly Fault[] {
  const faults = [
    ...limitFaults(policy, 'run', request.limits ?? {}),
    ...limitFaults(policy, 'compile', request.compile?.limits ?? {}),
    ...argumentFaults({ at: ['args'], args: request.args ?? [], env: request.env ?? {} }),
    ...argumentFaults({ at: ['compile', 'args'], args: request.compile?.args ?? [], env: {} }),
    ...labelFaults(request.labels ?? {}),
    ...networkFaults(network, request.network),
    ...dataFaults(data, request.data ?? []),
  ];
  for (const [index, glob] of (request.artifacts ?? []).entries()) {
    const detail = globFault(glob) ?? surrogateFault(glob);
    if (detail === undefined) continue;
    faults.push({ pointer: pointer('artifacts', index), code: 'INVALID_VALUE', detail });
  }
  return faults;
}

function admittedOf(
  identity: Identity,
  request: ExecuteRequest,
  {
    recipe,
    contents,
    granted,
  }: {
    readonly recipe: Recipe;
    readonly contents: Contents;
    readonly granted: Pick<Admitted, 'network' | 'data' | 'priority' | GrantedByPolicy>;
  },
): Admitted {
  const { program, stdin } = contents;
  const workspace =
    program.kind === 'files'
      ? { files: program.files, entry: program.entry }
      : {
          files: [{ path: recipe.source, content: program.content, executable: false }],
          entry: recipe.source,
        };
  return {
    ...identity,
    ...workspace,
    recipe,
    stdin,
    args: request.args ?? [],
    env: request.env ?? {},
    compileArgs: request.compile?.args ?? [],
    artifacts: request.artifacts ?? [],
    ...granted,
  };
}

const PAGE_BYTES = 4096;

/** Files that could never be written would look like a failed sandbox: they are refused instead. */
function diskFaults(
  files: readonly WorkspaceFile[],
  limits: { readonly run: Limits; readonly compile?: Limits },
): readonly Fault[] {
  const pages = files.reduce((sum, { content }) => sum + Math.ceil(content.length / PAGE_BYTES), 0);
  const neededKb = (pages * PAGE_BYTES) / 1024;
  const stage = limits.compile === undefined ? 'run' : 'compile';
  const { disk_kb: diskKb } = limits.compile ?? limits.run;
  if (neededKb <= diskKb) return [];
  const at =
    stage === 'run' ? pointer('limits', 'disk_kb') : pointer('compile', 'limits', 'disk_kb');
  const detail = `The request's files take ${neededKb} KiB, and the disk is ${diskKb} KiB.`;
  return [{ pointer: at, code: 'LIMIT_TOO_LOW', detail }];
}
