import type { Execution, StageResult } from '@gozolite/contract/execution';
import { digestsOfRecord } from '../../observing/audit/digests.js';

/** A record without what the program and its compiler wrote: digests stand in its place. */
export function bareOf(execution: Execution): Execution {
  if (execution.digests !== undefined) return execution;
  const { artifacts: _files, diagnostics: _quotes, compile, ...record } = execution;
  return {
    ...emptied(record),
    ...(compile === undefined ? {} : { compile: emptied(compile) }),
    digests: { ...digestsOfRecord(execution) },
  };
}

function emptied<T extends StageResult>(result: T): T {
  const { stdout_encoding: _out, stderr_encoding: _err, ...rest } = result;
  // Nothing of it is left but these two members, which both have.
  return { ...rest, stdout: '', stderr: '' } as unknown as T;
}
