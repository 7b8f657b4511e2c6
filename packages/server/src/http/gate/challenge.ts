import type { Refusal } from '@gozolite/contract/refusal';

const REALM = 'Bearer realm="gozolite"';

/** `WWW-Authenticate`: the way to come in, and what is wrong with what came (RFC 6750 §3). */
export function challengeOf({ code, detail, bearer }: Refusal): string | undefined {
  if (bearer === undefined) return code === 'UNAUTHENTICATED' ? REALM : undefined;
  // §3: no quotes, no backslashes, nothing but ASCII.
  const description = detail.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, "'");
  const scope = bearer.error === 'insufficient_scope' ? `, scope="${bearer.scope}"` : '';
  return `${REALM}, error="${bearer.error}", error_description="${description}"${scope}`;
}
