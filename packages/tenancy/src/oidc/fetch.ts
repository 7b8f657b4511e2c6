const FETCH_MS_MAX = 5000;
const BYTES_MAX = 512 * 1024;

/** Keys decide who comes in: nobody on the way may put his own in their place. */
export function isFetchable(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username } = new URL(address);
  if (username !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/** @throws where there is no such JSON within five seconds and 512 KiB, without a redirect */
export async function fetchJson(address: string): Promise<unknown> {
  if (!isFetchable(address)) throw new Error(`${address} is not https`);
  const signal = AbortSignal.timeout(FETCH_MS_MAX);
  const headers = { accept: 'application/json' };
  const response = await fetch(address, { redirect: 'error', signal, headers });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`${address} answers ${response.status}`);
  }
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > BYTES_MAX) throw new Error(`${address} answers more than ${BYTES_MAX} bytes`);
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch (error) {
    throw new Error(`${address} answers no JSON`, { cause: error });
  }
}
