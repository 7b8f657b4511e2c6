/**
 * Runs argv in a sandbox with this root and gives what it printed; null where it could not be
 * started.
 */
export type Probe = (
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  rootfs: string,
) => Promise<{ exitCode: number; stdout: string; stderr: string } | null>;
