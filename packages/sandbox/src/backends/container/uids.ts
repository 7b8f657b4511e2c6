/** Uids of containers that live; one that can't be proven gone keeps its own for good. */
export interface Uids {
  /** undefined where every uid is in use. */
  take(): number | undefined;
  give(uid: number): void;
  withhold(): void;
  withheld(): number;
}

/** How many uids an image knows by name (crates/sandboxd/src/inside/skeleton.rs). */
export const UIDS = 1024;

/** @param base the first of the image's uids */
export function createUids(base: number): Uids {
  // The one that rested longest comes next: what the kernel counts by uid has settled by then.
  const free = Array.from({ length: UIDS }, (_, index) => base + index);
  let withheld = 0;
  return {
    take: () => free.shift(),
    give: (uid) => void free.push(uid),
    withhold: () => {
      withheld += 1;
    },
    withheld: () => withheld,
  };
}
