import type { Refusal } from '@gozolite/contract/refusal';
import type { Result } from '@gozolite/contract/result';
import type { Span } from '@gozolite/telemetry/tracing/span';

/** Ends a part with what came of it: a refusal is no failure. */
export function endWith(span: Span | undefined, result: Result<unknown, Refusal>): void {
  if (span === undefined) return;
  if (!result.ok) span.set({ 'gozolite.refusal': result.error.code });
  span.end();
}
