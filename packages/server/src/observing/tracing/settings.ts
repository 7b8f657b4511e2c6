import { SAMPLERS, type TracingSettings } from '@gozolite/telemetry/tracing/settings';

type Environment = Readonly<Record<string, string | undefined>>;

const OFF_OR_OTLP = ['otlp', 'none'];
const PROTOCOLS = ['http/json', 'http/protobuf'];

/**
 * OpenTelemetry's own settings: traces are sent where an endpoint is set, and else not at all.
 * @returns undefined where none are sent
 */
export function readTracing(env: Environment, faults: string[]): TracingSettings | undefined {
  const text = (name: string, fallback: string) => {
    const value = env[name]?.trim() ?? '';
    return value === '' ? fallback : value;
  };
  const oneOf = <T extends string>(name: string, choices: readonly T[], fallback: T): T => {
    const value = text(name, fallback).toLowerCase();
    const choice = choices.find((each) => each === value);
    if (choice === undefined) faults.push(`${name} is "${value}": one of ${choices.join(', ')}`);
    return choice ?? fallback;
  };
  const integer = (name: string, fallback: number, max: number) => {
    const value = text(name, String(fallback));
    if (/^\d{1,9}$/.test(value) && Number(value) >= 1 && Number(value) <= max) return Number(value);
    faults.push(`${name} is "${value}": it takes a whole number from 1 to ${max}`);
    return fallback;
  };
  const general = text('OTEL_EXPORTER_OTLP_ENDPOINT', '');
  const endpoint = text('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', general);
  if (endpoint === '' || text('OTEL_SDK_DISABLED', 'false').toLowerCase() === 'true')
    return undefined;
  if (oneOf('OTEL_TRACES_EXPORTER', OFF_OR_OTLP, 'otlp') === 'none') return undefined;
  // Not repeated: an address may have a password in it.
  if (!/^https?:\/\//i.test(endpoint) || !URL.canParse(endpoint)) faults.push(NO_URL);
  const protocol = text('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/json');
  if (!PROTOCOLS.includes(text('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', protocol))) {
    faults.push(NO_PROTOCOL);
  }
  const ratio = Number(text('OTEL_TRACES_SAMPLER_ARG', '1'));
  const sampler = oneOf('OTEL_TRACES_SAMPLER', SAMPLERS, 'parentbased_always_on');
  if (!(ratio >= 0 && ratio <= 1)) faults.push('OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1');
  return {
    ...{ sampler, ratio },
    spansMax: integer('OTEL_BSP_MAX_QUEUE_SIZE', 2048, 100_000),
    batchMax: integer('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512, 100_000),
    batchMs: integer('OTEL_BSP_SCHEDULE_DELAY', 5000, 600_000),
    sendMsMax: integer('OTEL_BSP_EXPORT_TIMEOUT', 30_000, 600_000),
  };
}

const NO_URL =
  'OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) is no URL, as http://localhost:4318';
const NO_PROTOCOL =
  'OTEL_EXPORTER_OTLP_PROTOCOL is none of http/json and http/protobuf: traces go over HTTP, ' +
  'to the port that a collector has for that (4318)';
