import type { ThreatRow } from '@gozolite/attacks/assets';

/**
 * Attacks of a run that has data sets, and on one that it was not given. They need sets in the
 * launcher's folder, so they are rows of this suite and not of the shipped corpus.
 */
export interface DataAttack {
  readonly id: string;
  readonly title: string;
  readonly asset: ThreatRow['asset'];
  readonly layers: readonly string[];
  /** Bash, with the set `iris`; it prints what it reached and ends with a line of the set. */
  readonly code: string;
}

export const DATA_ATTACKS: readonly DataAttack[] = [
  {
    id: 'data-write',
    title: 'With a data set: writes into it, where every later run would read it',
    asset: 'successors',
    layers: ['rootfs-readonly', 'landlock'],
    code: `
for path in /data/x /data/iris/x /data/iris/deep/x /data/iris/iris.csv /data/iris/deep/open; do
  { echo planted >> $path; } 2>/dev/null && echo reached $path
done
/usr/bin/rm -rf /data/iris/iris.csv 2>/dev/null
/usr/bin/mv /data/iris /data/mine 2>/dev/null && echo reached by rename`,
  },
  {
    id: 'data-execute',
    title: 'With a data set: starts a program that lies in it, with a set-id bit',
    asset: 'host',
    layers: ['nosuid', 'no-new-privileges'],
    code: '/data/iris/deep/id 2>/dev/null && echo reached',
  },
  {
    id: 'data-link',
    title: 'With a data set: goes out of it by links that lie in it',
    asset: 'host',
    layers: ['pivot-root'],
    code: `
for link in /data/iris/deep/absolute /data/iris/deep/up /data/iris/deep/host; do
  [ -e $link/root ] || [ -e $link/home ] || [ -e $link/trees ] && echo reached $link
done
for path in $HOST_PATHS; do [ -e $path ] && echo reached $path; done`,
  },
  {
    id: 'data-of-others',
    title: 'With a data set: looks for those that others were given',
    asset: 'secrets',
    layers: ['pivot-root'],
    code: `
cd /data; for path in * .[!.]* ../data/* /data/iris/../*; do
  [ -e $path ] && [ $path != iris ] && [ \${path##*/} != iris ] && echo reached $path
done`,
  },
];

export const DATA_ROWS: readonly ThreatRow[] = DATA_ATTACKS.map(({ id, title, asset, layers }) => ({
  ...{ id, title, asset, layers },
  shownBy: `[${id}](../tests/faults/data/rows.ts), bash`,
}));
