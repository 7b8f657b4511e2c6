import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Logger } from '../logger.js';
import { incomingContext } from './incoming.js';
import { samplerOf } from './sampler.js';
import type { TracingSettings } from './settings.js';
import type { Tracer } from './span.js';
import { requestSpan } from './spans.js';

export interface TracingOptions {
  readonly settings: TracingSettings;
  readonly version: string;
  readonly log: Logger;
}

const ATTRIBUTE_CHARACTERS_MAX = 256;
/** At the end of the server a collector that hangs is not waited for. */
const LAST_MS_MAX = 2000;

/** Spans by OTLP over HTTP, in batches; what has no place in their queue is dropped. */
export function openTracer({ settings, version, log }: TracingOptions): Tracer {
  const own = resourceFromAttributes({ 'service.name': 'gozolite', 'service.version': version });
  const told = detectResources({ detectors: [envDetector] });
  const provider = new TracerProvider({
    resource: defaultResource().merge(own).merge(told),
    sampler: samplerOf(settings),
    spanLimits: { attributeValueLengthLimit: ATTRIBUTE_CHARACTERS_MAX },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: watched(new OTLPTraceExporter(), log),
        maxQueueSize: settings.spansMax,
        maxExportBatchSize: Math.min(settings.batchMax, settings.spansMax),
        scheduledDelayMillis: settings.batchMs,
        exportTimeoutMillis: settings.sendMsMax,
      }),
    ],
  });
  const tracer = provider.getTracer('gozolite', version);
  return {
    request: (incoming) => {
      const parent = incomingContext(incoming);
      const making = { tracer, offsetMs: Date.now() - performance.now() };
      return requestSpan(
        making,
        parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent),
      );
    },
    [Symbol.asyncDispose]: () => {
      const last = provider.shutdown().catch(() => undefined);
      return Promise.race([last, after(LAST_MS_MAX)]);
    },
  };
}

/** A collector that is away is told of once, and once when it is back. */
function watched(exporter: SpanExporter, log: Logger): SpanExporter {
  let lost = 0;
  return {
    export: (spans, done) => {
      exporter.export(spans, (result) => {
        if (result.code === ExportResultCode.SUCCESS) {
          if (lost > 0) log.info({ count: lost }, 'traces are sent again; so many spans are lost');
          lost = 0;
        } else {
          if (lost === 0) log.warn({ error: result.error }, 'traces could not be sent');
          lost += spans.length;
        }
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  };
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
