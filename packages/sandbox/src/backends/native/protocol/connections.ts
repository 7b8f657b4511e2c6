import { CONNECTION_OUTCOMES, type Connection, NETWORK_BOUNDS } from '@gozolite/contract/network';
import { FrameError } from './frames.js';
import { count, isMembers, type Members, nullableText, oneOf, text } from './members.js';

/**
 * The payload of an `end`: the connections of a sandbox that had a network; undefined where it is
 * empty, as it is for every other sandbox.
 * @throws FrameError where it is not what the protocol says
 */
export function parseConnections(payload: Uint8Array): readonly Connection[] | undefined {
  if (payload.length === 0) return undefined;
  const list = json(payload);
  // One more than may be made: the one that was cut is listed too.
  if (!Array.isArray(list) || list.length > NETWORK_BOUNDS.connectionsMax + 1) {
    throw new FrameError('the payload of an end is not a list of connections');
  }
  return list.map(parseConnection);
}

function parseConnection(value: unknown): Connection {
  if (!isMembers(value)) throw new FrameError('a connection is not an object');
  const members: Members = value;
  return {
    host: text(members, 'host'),
    port: count(members, 'port'),
    address: nullableText(members, 'address'),
    bytes_sent: count(members, 'bytes_sent'),
    bytes_received: count(members, 'bytes_received'),
    time_ms: count(members, 'time_ms'),
    outcome: oneOf(members, 'outcome', CONNECTION_OUTCOMES),
  };
}

function json(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    throw new FrameError('the payload of an end is not JSON');
  }
}
