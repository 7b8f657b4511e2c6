/** Node takes 16 KiB of headers together. */
export const TOKEN_CHARACTERS_MAX = 8192;

/** Three parts of base64url: a JWS in its compact form, as far as can be seen. */
export function isTokenShaped(text: string): boolean {
  return text.length > TOKEN_CHARACTERS_MAX
    ? text.startsWith('ey')
    : /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}
