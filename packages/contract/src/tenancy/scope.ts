/**
 * What a key may do: run programs; read what this server can do and what was used; administer;
 * scrape the metrics, which tell of all tenants together.
 */
export const SCOPES = ['execute', 'read', 'admin', 'metrics'] as const;
export type Scope = (typeof SCOPES)[number];

/** Without more words a key runs programs and reads. */
export const DEFAULT_SCOPES: readonly Scope[] = ['execute', 'read'];

export function isScope(text: string): text is Scope {
  return SCOPES.some((scope) => scope === text);
}

/** Who sent a request, as far as its key tells. */
export interface Caller {
  readonly tenant: string;
  /** '' where there are no keys. */
  readonly keyId: string;
  readonly scopes: readonly Scope[];
}
