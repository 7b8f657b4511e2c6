import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false } as const;
const words = (description: string, pattern: string) =>
  Type.Array(Type.String({ pattern }), { description });

/**
 * Packages of the registries. The patterns leave no room for options, URLs and paths: a name is
 * all that a file can say. `{arch}` is the machine's, as npm calls it: x64, arm64.
 */
const sources = {
  debian: Type.Optional(
    words('Debian packages that provide the toolchain.', '^[a-z0-9][a-z0-9.+-]*$'),
  ),
  npm: Type.Optional(
    words(
      'npm packages, installed with the prefix /usr/local, without their scripts.',
      '^(@[a-z0-9~._-]+/)?[a-z0-9][a-z0-9._{}-]*(@[A-Za-z0-9.^~+-]+)?$',
    ),
  ),
  pypi: Type.Optional(
    words(
      'PyPI requirements, in /usr/local/lib/gozolite/python/<id>, commands in its bin.',
      '^[A-Za-z0-9][A-Za-z0-9._-]*(\\[[A-Za-z0-9,._-]+\\])?([<>=!~]=?[A-Za-z0-9.*+!,<>=~]+)?$',
    ),
  ),
  pypi_source: Type.Optional(
    words(
      'Names of PyPI packages that have no wheel: built from source, beside those of `pypi`.',
      '^[A-Za-z0-9][A-Za-z0-9._-]*$',
    ),
  ),
  maven: Type.Optional(
    words(
      'group:artifact:version; the jars of it and of what it needs at run time, in ' +
        '/usr/local/lib/gozolite/maven/<id>.',
      '^[A-Za-z0-9._-]+:[A-Za-z0-9._-]+:[A-Za-z0-9._-]+$',
    ),
  ),
  go: Type.Optional(
    words(
      'module/path/of/command@version; commands in /usr/local/bin.',
      '^[a-z0-9][A-Za-z0-9._~/-]*@[A-Za-z0-9._+-]+$',
    ),
  ),
  cargo: Type.Optional(
    words('crate@version; commands in /usr/local/bin.', '^[A-Za-z][A-Za-z0-9_-]*@[0-9][\\w.+-]*$'),
  ),
};

/** What a pack is made of. */
export const PackSources = Type.Object(sources, {
  ...closed,
  description: 'What provides the toolchain, of every registry.',
});
export type PackSources = Static<typeof PackSources>;

const prepare = Type.Optional(
  Type.String({
    minLength: 1,
    description:
      'Shell commands that end the making of its tree: run in it, without a network and without ' +
      'any capability. What they write below /usr stays.',
  }),
);

export const PackEntries = Type.Array(
  Type.Object(
    {
      version: Type.String({
        pattern: '^[0-9]+(\\.[0-9]+)*$',
        description: 'How its toolchain begins to tell its version: 3.11.',
      }),
      suite: Type.Optional(
        Type.String({
          pattern: '^[a-z]+$',
          description:
            "Debian's release by its name, trixie, where its packages have this version and the " +
            "host's own release has not.",
        }),
      ),
      ...sources,
      prepare,
      variants: Type.Optional(
        Type.Record(
          Type.String({ pattern: '^[a-z][a-z0-9]*$' }),
          Type.Object({ ...sources, prepare }, closed),
          { description: 'By name, what a variant has beyond the entry.' },
        ),
      ),
    },
    closed,
  ),
  { minItems: 1, description: 'Versions that can be installed as packs, the default one first.' },
);

interface Packed {
  readonly packages?: PackSources;
  readonly packs?: Static<typeof PackEntries>;
}

/** One version and variant of a language that can be installed as a pack. */
export interface PackRecipe {
  /** Null: the first two numbers of the version that the built toolchain tells. */
  readonly version: string | null;
  readonly variant: string | null;
  /** Of Debian, which everything is built on. Null: the host's own. */
  readonly suite: string | null;
  readonly sources: PackSources;
  /** Scripts, in order, that end the making of its tree. */
  readonly prepare: readonly string[];
}

/** Every pack that a language file knows, the default one first. */
export function packRecipesOf({ packages, packs }: Packed): readonly PackRecipe[] {
  const short: PackRecipe = {
    ...{ version: null, variant: null, suite: null, prepare: [] },
    sources: packages ?? {},
  };
  return packs === undefined ? [short] : packs.flatMap(recipesOfEntry);
}

/** Whether there is anything that it could be built from. */
export function isBuildable({ sources }: PackRecipe): boolean {
  return Object.values(sources).some((names) => names.length > 0);
}

/** What a host installs that has no packs: `packages`, else what the default pack is made of. */
export function hostSources(packed: Packed): PackSources {
  return packed.packages ?? packRecipesOf(packed)[0]?.sources ?? {};
}

function recipesOfEntry({
  version,
  suite: named,
  prepare: script,
  variants = {},
  ...entry
}: Static<typeof PackEntries>[number]): readonly PackRecipe[] {
  const suite = named ?? null;
  const scripts = [script].filter((each) => each !== undefined);
  return [
    { version, variant: null, suite, sources: entry, prepare: scripts },
    ...Object.entries(variants).map(([variant, { prepare: own, ...more }]) => ({
      ...{ version, variant, suite },
      sources: together(entry, more),
      prepare: own === undefined ? scripts : [...scripts, own],
    })),
  ];
}

const SOURCE_NAMES = ['debian', 'npm', 'pypi', 'pypi_source', 'maven', 'go', 'cargo'] as const;

function together(entry: PackSources, more: PackSources): PackSources {
  return Object.fromEntries(
    SOURCE_NAMES.map(
      (name) => [name, [...(entry[name] ?? []), ...(more[name] ?? [])]] as const,
    ).filter(([, packages]) => packages.length > 0),
  );
}
