import { randomUUID } from 'node:crypto';

/**
 * A new execution's id: 'exe_' and a UUIDv7 (RFC 9562 §5.7), which sorts by its time
 * and ends in 74 random bits that nobody can guess.
 * @param unixMs milliseconds since 1970, below 2^48
 * @param entropy gives ten random bytes
 */
export function makeExecutionId(
  unixMs: number = Date.now(),
  entropy: () => Uint8Array = tenRandomBytes,
): string {
  const uuid = Buffer.alloc(16);
  uuid.writeUIntBE(unixMs, 0, 6);
  uuid.set(entropy(), 6);
  uuid.writeUInt8((uuid.readUInt8(6) & 0x0f) | 0x70, 6); // version 7
  uuid.writeUInt8((uuid.readUInt8(8) & 0x3f) | 0x80, 8); // variant 10
  const hex = uuid.toString('hex');
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `exe_${groups.join('-')}-${hex.slice(20)}`;
}

/** Of the 122 random bits of a version 4 UUID: Node keeps a store of those, so they are quick. */
function tenRandomBytes(): Uint8Array {
  const random = randomUUID();
  return Buffer.from(random.slice(24) + random.slice(0, 8), 'hex');
}
