import type { LanguageInfo } from '@gozolite/contract/capabilities';
import { packName } from '@gozolite/contract/pack';
import type { LanguageFile } from '@gozolite/languages/schema';
import type { InstalledPack } from '@gozolite/packs/installed';

/** A language as one request asks for it: by its name alone, or one of its packs. */
export interface Edition {
  readonly file: LanguageFile;
  /** Of the request. */
  readonly reference: string;
  /** Absent where no pack was chosen. */
  readonly pack: InstalledPack | undefined;
  readonly version: string | null;
  readonly toolchain: LanguageInfo['versions'][number]['toolchain'];
  readonly available: boolean;
  /** A code. */
  readonly reason: string | undefined;
}

/** What is checked of a language: each chosen pack, or else what its name alone means. */
export function editionsOf(
  file: LanguageFile,
  info: LanguageInfo,
  packs: readonly InstalledPack[],
): readonly Edition[] {
  if (packs.length > 0) return packs.map((pack) => editionOf(file, info, pack));
  const { version, available, reason } = info;
  const [first] = info.versions;
  const toolchain = first?.toolchain ?? null;
  return [{ file, reference: file.id, pack: undefined, version, toolchain, available, reason }];
}

function editionOf(file: LanguageFile, info: LanguageInfo, pack: InstalledPack): Edition {
  const { variant } = pack;
  // A variant has no row of its own: it stands in the row of its version.
  const plain = packName({ ...pack, variant: null });
  const row =
    info.versions.find(({ toolchain }) => toolchain?.source === plain) ??
    info.versions.find(({ version }) => version === pack.version);
  const available = variant === null ? row?.available : row?.variants.includes(variant);
  const reason = available === true ? undefined : (row?.reason ?? 'TOOLCHAIN_MISSING');
  const version = row?.toolchain?.version ?? pack.version;
  return {
    file,
    reference: pack.name,
    pack,
    version,
    toolchain: { source: pack.name, version, digest: pack.digest },
    available: available === true,
    reason,
  };
}
