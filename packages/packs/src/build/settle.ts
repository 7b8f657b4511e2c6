import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { existsInside, resolveInside } from '../tree/inside.js';
import { TREE_TIME } from '../tree/objects.js';
import { levelKeystore } from './keystore.js';
import { type BuildContext, runAsOwner, runInside } from './root.js';

/**
 * Python's compiled files are made anew: those of the packages hold the times of their sources,
 * which a tree levels, and would count as stale (PEP 552; unchecked ones hold a hash).
 */
const COMPILE = `find /usr -depth -name __pycache__ -type d -exec rm -rf {} +
find /usr -name '*.pyc' -delete
for python in /usr/bin/python3 /usr/bin/pypy3; do
  [ -x "$python" ] || continue
  for folder in /usr/lib/python3 /usr/lib/python3.* /usr/lib/pypy3* /usr/local/lib/python3.* \\
    /usr/local/lib/gozolite/python; do
    [ -d "$folder" ] || continue
    case "$python$folder" in */pypy3/usr/lib/python3.*|*python3/usr/lib/pypy3*) continue;; esac
    # Tests are not imported, and some are files with errors on purpose.
    SOURCE_DATE_EPOCH= "$python" -m compileall -q -x '/tests?/' \\
      --invalidation-mode unchecked-hash "$folder" \\
      > /dev/null 2>&1 || true
  done
done
ldconfig
`;

/** All belongs to whoever builds, and can be read by him. */
const OWN = 'cd "$1"; chown -Rh 0:0 usr etc var; chmod -R u+rwX usr etc var';

/** The last steps in a build root, before it is scanned. */
export async function settleRoot(context: BuildContext, root: string): Promise<void> {
  const script = existsInside(root, '/usr/lib/python3') ? COMPILE : 'ldconfig';
  await runInside('settling', context, { root, command: ['sh', '-ceu', script] });
  await runAsOwner('settling', context, [OWN, root]);
  const keystore = resolveInside(root, KEYSTORE);
  if (keystore === undefined) return;
  const leveled = levelKeystore(readFileSync(join(root, keystore)), TREE_TIME);
  if (leveled !== undefined) writeFileSync(join(root, keystore), leveled);
}

/** Where Debian's JREs have the certificates that they trust. */
const KEYSTORE = 'etc/ssl/certs/java/cacerts';
