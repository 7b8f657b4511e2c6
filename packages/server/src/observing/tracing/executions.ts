import type { Execution } from '@gozolite/contract/execution';
import type { Refusal } from '@gozolite/contract/refusal';
import type { Result } from '@gozolite/contract/result';
import type { Admitted } from '@gozolite/engine/admitted';
import type { Patience } from '@gozolite/engine/queue/queue';
import type { Span, SpanAttributes } from '@gozolite/telemetry/tracing/span';

/**
 * The same, below a span that lasts until its end is written down: a trace of its own, linked to
 * the request's, where nobody waits for it.
 */
export function withOwnSpan(admitted: Admitted, patience: Patience): Admitted {
  const { span } = admitted;
  if (span === undefined) return admitted;
  const attributes = attributesOf(admitted);
  const own =
    patience === 'kept'
      ? span.beginLinked('execution', attributes)
      : span.begin('execution', attributes);
  return { ...admitted, span: own };
}

/** Of the request that they came with. */
export function spanOf(
  submissions: readonly Result<{ readonly kind: string; readonly admitted?: Admitted }, Refusal>[],
): Span | undefined {
  const admitted = submissions.flatMap((each) => (each.ok ? (each.value.admitted ?? []) : []));
  return admitted[0]?.span;
}

export function attributesOf({ id, requestId, tenant, recipe }: Admitted): SpanAttributes {
  return {
    'gozolite.execution.id': id,
    'gozolite.request.id': requestId,
    'gozolite.tenant': tenant,
    'gozolite.language': recipe.language,
    ...(recipe.version === null ? {} : { 'gozolite.language.version': recipe.version }),
  };
}

export function endOf(span: Span, { status, error, limit }: Execution): void {
  span.set({
    'gozolite.status': status,
    ...(limit === undefined ? {} : { 'gozolite.limit': limit }),
  });
  span.end(error);
}
