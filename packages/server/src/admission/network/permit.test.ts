import assert from 'node:assert/strict';
import { test } from 'vitest';
import { networkFaults, networkOf } from './permit.js';

const POLICY = {
  allow: ['api.example.com:443', 'b.example.com:80'],
  bytesMax: 1000,
  connectionsMax: 2,
  timeMsMax: 500,
};

for (const [name, allow, faults] of [
  ['all that the policy has', ['b.example.com:80', 'api.example.com:443'], []],
  ['nothing', [], []],
  ['a host that it lacks', ['evil.example.com:443'], ['0 FORBIDDEN']],
  ['another port of a host that it has', ['api.example.com:80'], ['0 FORBIDDEN']],
  ['a wildcard', ['api.example.com:443', '*.example.com:443'], ['1 INVALID_VALUE']],
  ['an address', ['93.184.216.34:443'], ['0 INVALID_VALUE']],
  ['a host twice', ['b.example.com:80', 'b.example.com:80'], ['1 INVALID_VALUE']],
  ['capitals', ['API.example.com:443'], ['0 INVALID_VALUE']],
  ['two that it lacks', ['x.example:1', 'y.example:1'], ['0 FORBIDDEN', '1 FORBIDDEN']],
] as const) {
  test(`${name}: ${faults.length === 0 ? 'permitted' : faults.join(', ')}`, () => {
    const found = networkFaults(POLICY, { allow: [...allow] });
    const seen = found.map((each) => `${each.pointer.replace('/network/allow/', '')} ${each.code}`);
    assert.deepEqual(seen, faults);
  });
}

test('what the policy denies is named', () => {
  const [fault] = networkFaults(POLICY, { allow: ['evil.example.com:443'] });
  assert.match(fault?.detail ?? '', /evil\.example\.com:443/);
});

test("a list comes with the policy's caps; none and no list are the same", () => {
  const allow = ['b.example.com:80'];
  assert.deepEqual(networkOf(POLICY, { allow }), { network: { ...POLICY, allow } });
  assert.deepEqual(networkOf(POLICY, 'none'), {});
  assert.deepEqual(networkOf(POLICY, undefined), {});
  assert.deepEqual(networkFaults(POLICY, undefined), []);
});
