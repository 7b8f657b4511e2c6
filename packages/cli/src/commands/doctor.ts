import type { Diagnostics, Finding } from '@gozolite/contract/capabilities';
import { GozoConnectionError } from '@gozolite/sdk/errors';
import colors from 'picocolors';
import { type Connection, connect, type Where } from '../connect.js';
import { LocalEngineError } from '../local.js';

/** `gozo doctor`. @returns 0 where programs run as isolated as they should, else 1. */
export async function doctor(where: Where, { json }: { json: boolean }): Promise<number> {
  let connection: Connection | undefined;
  try {
    connection = await connect(where, { kind: 'all' });
    const diagnostics = await connection.gozo.diagnostics();
    const text = json ? JSON.stringify(diagnostics, null, 2) : report(diagnostics).join('\n');
    process.stdout.write(`${text}\n`);
    return diagnostics.healthy ? 0 : 1;
  } catch (error) {
    // That there is no engine is what a doctor is asked about: a finding, not a failure of his.
    if (!(error instanceof GozoConnectionError || error instanceof LocalEngineError)) throw error;
    const finding = { healthy: false, detail: error.message };
    const text = json ? JSON.stringify(finding, null, 2) : `${MARKS.missing} ${error.message}`;
    process.stdout.write(`${text}\n`);
    return 1;
  } finally {
    await connection?.[Symbol.asyncDispose]();
  }
}

const MARKS: Readonly<Record<Finding['state'], string>> = {
  present: colors.green('ok     '),
  warning: colors.yellow('warning'),
  missing: colors.red('missing'),
};

const MIB_KB = 1024;

function reservedOf({ reserved }: Diagnostics): string {
  const [memory, memoryMax] = [reserved.memory_kb, reserved.memory_kb_max].map((kb) => {
    return Math.round(kb / MIB_KB).toLocaleString('en');
  });
  return `${memory} of ${memoryMax} MiB of memory, ${reserved.cpus} of ${reserved.cpus_max} CPUs`;
}

/** The diagnostics as lines for people: what is wrong stands with what to do about it. */
export function report(diagnostics: Diagnostics): readonly string[] {
  const { kernel, architecture, cgroup, isolation, findings, toolchains, load } = diagnostics;
  const missing = toolchains.filter(({ available }) => !available);
  const found = toolchains.filter(({ available }) => available);
  return [
    diagnostics.healthy ? colors.green('healthy') : colors.red('not healthy'),
    '',
    `kernel     ${kernel} ${architecture}, cgroup ${cgroup}`,
    `isolation  ${isolation.level} (${isolation.backend}), ${isolation.layers.length} layers`,
    `load       ${load.running} running, ${load.queued} queued, ${load.quarantined} quarantined`,
    `reserved   ${reservedOf(diagnostics)}`,
    '',
    'Protections',
    ...findings.flatMap(findingLines),
    ...isolation.missing.map(({ layer, reason }) => `  ${MARKS.missing}  ${layer}: ${reason}`),
    '',
    'Toolchains',
    ...found.map(({ language, version }) => `  ${MARKS.present}  ${language} ${version ?? ''}`),
    ...missing.flatMap(({ language, reason = '', install }) =>
      findingLines({
        id: language,
        state: 'warning',
        detail: reason,
        ...(install === undefined ? {} : { remedy: install }),
      }),
    ),
  ];
}

function findingLines({ id, state, detail, remedy }: Finding): readonly string[] {
  const line = `  ${MARKS[state]}  ${id}: ${detail}`;
  return remedy === undefined ? [line] : [line, `           -> ${remedy}`];
}
