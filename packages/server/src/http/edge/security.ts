/**
 * With every answer, whoever wrote it: nothing of it is to be guessed at, framed, cached, or taken
 * for a page (OWASP REST Security Cheat Sheet). What serves TLS before us adds HSTS.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** For an answer that is written by hand. */
export const SECURITY_LINES: readonly string[] = Object.entries(SECURITY_HEADERS).map(
  ([name, value]) => `${name}: ${value}`,
);
