import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const CACHE = join(import.meta.dirname, '..', '..', 'target', 'go-cache');
const PATH = '/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin';

/**
 * Builds a static program. Outside of a sandbox: crypto/tls is twenty seconds of CPU, once, and a
 * sandbox keeps no cache.
 */
export async function buildGo(source: string): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'gozo-go-'));
  const flags = { CGO_ENABLED: '0', GO111MODULE: 'auto', GOFLAGS: '-buildvcs=false' };
  const env = { PATH, HOME: folder, GOCACHE: CACHE, GOTOOLCHAIN: 'local', GOENV: 'off', ...flags };
  try {
    writeFileSync(join(folder, 'main.go'), source);
    const build = ['build', '-ldflags=-s -w', '-o', 'client', '.'];
    await promisify(execFile)('go', build, { cwd: folder, env });
    return readFileSync(join(folder, 'client'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
