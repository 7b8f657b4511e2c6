/** As the OTEL_TRACES_SAMPLER of the OpenTelemetry specification. */
export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

/** Where spans go (OTEL_EXPORTER_OTLP_…) is read by the exporter itself. */
export interface TracingSettings {
  readonly sampler: SamplerName;
  /** Share of traces that begin here, 0 to 1, for a sampler by ratio. */
  readonly ratio: number;
  /** Spans that wait to be sent; one more is dropped. */
  readonly spansMax: number;
  /** Spans of one sending. */
  readonly batchMax: number;
  readonly batchMs: number;
  readonly sendMsMax: number;
}
