import assert from 'node:assert/strict';
import { test } from 'vitest';
import { readTracing } from './settings.js';

const HERE = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' };

function read(env: Readonly<Record<string, string>>) {
  const faults: string[] = [];
  return { settings: readTracing(env, faults), faults };
}

test('traces are sent where an endpoint is set, and not where they are switched off', () => {
  assert.equal(read({}).settings, undefined);
  assert.equal(read({ ...HERE, OTEL_SDK_DISABLED: 'true' }).settings, undefined);
  assert.equal(read({ ...HERE, OTEL_TRACES_EXPORTER: 'none' }).settings, undefined);
  assert.equal(read(HERE).settings?.sampler, 'parentbased_always_on');
  const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://user:secret@host/v1/traces' };
  assert.deepEqual(read(own).faults, []);
});

test('each bad setting is named, and an address is not repeated', () => {
  const { faults } = read({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'user:secret@host',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    OTEL_TRACES_SAMPLER: 'jaeger_remote',
    OTEL_TRACES_SAMPLER_ARG: '2',
    OTEL_BSP_MAX_QUEUE_SIZE: '0',
  });
  assert.equal(faults.length, 5);
  const names = ['_ENDPOINT', '_PROTOCOL', '_SAMPLER_ARG', '_SAMPLER is', '_QUEUE_SIZE'];
  for (const name of names)
    assert.ok(
      faults.some((fault) => fault.includes(name)),
      name,
    );
  assert.ok(!faults.join(' ').includes('secret'));
});
