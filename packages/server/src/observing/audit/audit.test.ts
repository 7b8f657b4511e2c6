import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Execution } from '@gozolite/contract/execution';
import { limitPolicyFor } from '@gozolite/contract/limits';
import type { AuditEntry } from '@gozolite/store/audit/log/entry';
import { openAuditLog } from '@gozolite/store/audit/log/log';
import { loggerOver } from '@gozolite/telemetry/logger';
import { openPolicies } from '@gozolite/tenancy/policy/policies';
import type { BasePolicy } from '@gozolite/tenancy/policy/policy';
import { test } from 'vitest';
import { openAudit } from './audit.js';

const limits = limitPolicyFor(2, 8 << 20);
const base: BasePolicy = {
  limits,
  network: { allow: [], bytesMax: 1, connectionsMax: 1, timeMsMax: 1 },
  ...{ dataAllow: [], isolationFloor: 'full', counts: true },
};

function idOf(digit: number): string {
  return `exe_019a0000-0000-7000-8000-00000000000${digit}`;
}

const record = (id: string, more: Partial<Execution>): Execution => ({
  ...{ id, request_id: 'r', tenant: 'acme', created_at: '', status: 'ok', stdout: 'a' },
  ...{ stderr: '', stdout_bytes: 1, stderr_bytes: 0, exit_code: 0, signal: null },
  ...{ time_ms: 1, cpu_time_ms: 1, memory_kb: 1, prepared: false },
  timings: { queue_ms: 0, prepare_ms: 0, compile_ms: 0, run_ms: 0, total_ms: 0 },
  language: { id: 'any', version: '1', toolchain: null },
  limits: { run: limits.run.defaults },
  isolation: { backend: 'native', level: 'full', layers: [], missing: [] },
  ...more,
});

test('what a killed life left open ends as the store has it, once', async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'gozolite-audit-'));
  const fail = (error: unknown) => assert.fail(String(error));
  const options = { dataFolder, nowMs: Date.now, commitMs: 1, onFault: fail };
  const [written, interrupted, unknown] = [idOf(1), idOf(2), idOf(3)];
  const records = new Map([
    [written, record(written, {})],
    [interrupted, record(interrupted, { status: 'failed', error: 'INTERRUPTED' })],
  ]);
  {
    await using before = await openAuditLog(options);
    for (const id of [written, interrupted, unknown]) {
      const asked = { policy: 'p', digests: { code: 'c' } };
      before.append({ kind: 'admitted', tenant: 'acme', execution_id: id, ...asked });
    }
  }
  const policies = openPolicies({ folder: '', base, onChange: () => {} });
  assert.ok(policies.ok);
  const log = loggerOver('silent', { write: () => {} });
  const deps = { dataFolder, isRequired: true, version: '1', policies: policies.value, log };
  for (const life of [1, 2]) {
    const opened = await openAudit(deps);
    assert.ok(opened.ok);
    await using audit = opened.value;
    await audit.begin(async ({ id, tenant }) => (tenant === 'acme' ? records.get(id) : undefined));
    const lines = readFileSync(join(dataFolder, 'audit', 'log'), 'utf8')
      .trim()
      .split('\n');
    const entries: AuditEntry[] = lines.map((line) => JSON.parse(line));
    const ends = entries.filter(({ kind }) => kind === 'ended' || kind === 'interrupted');
    assert.deepEqual(
      ends.map(({ kind, execution_id: id }) => [kind, id]),
      [
        ['ended', written],
        ['interrupted', interrupted],
        ['interrupted', unknown],
      ],
    );
    const [end] = ends;
    assert.deepEqual([end?.status, end?.policy, end?.tenant], ['ok', 'p', 'acme']);
    assert.deepEqual(Object.keys(end?.digests ?? {}), ['code', 'stdout', 'stderr']);
    assert.equal(entries.filter(({ kind }) => kind === 'opened').length, life);
  }
  policies.value[Symbol.dispose]();
  rmSync(dataFolder, { recursive: true });
});
