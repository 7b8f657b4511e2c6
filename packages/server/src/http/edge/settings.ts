export interface ListReader {
  list(name: string, separator: string): readonly string[];
}

/** scheme://host[:port], in small letters, as a browser writes it. */
const ORIGIN = /^https?:\/\/(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?$/;

/** Pages of which origins may use this server; none, unless it is set. */
export function readCorsOrigins(
  read: ListReader,
  hasKeys: boolean,
  faults: string[],
): readonly string[] {
  const origins = [...new Set(read.list('GOZO_CORS_ORIGINS', ','))];
  for (const origin of origins) {
    if (origin === '*' && !hasKeys) {
      faults.push(
        'GOZO_CORS_ORIGINS is "*": without API keys each site that you visit could run code here',
      );
    } else if (origin !== '*' && !ORIGIN.test(origin)) {
      faults.push(
        `GOZO_CORS_ORIGINS has "${origin}": an origin is written as https://app.example.com`,
      );
    }
  }
  return origins;
}
