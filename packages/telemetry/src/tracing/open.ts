import type { TracingOptions } from './otlp.js';
import type { Tracer } from './span.js';

/** Loads what makes and sends spans: a server that sends none never has it in memory. */
export async function openTracing(options: TracingOptions): Promise<Tracer> {
  const { openTracer } = await import('./otlp.js');
  return openTracer(options);
}
