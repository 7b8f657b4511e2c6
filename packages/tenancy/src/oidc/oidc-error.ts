/** Something that was set for issuers can't be used. */
export class OidcError extends Error {
  override readonly name = 'OidcError';
}
