/** A pattern (JSON Schema) of text without NUL: neither the kernel nor a store takes one. */
export const NO_NUL = '^[^\\u0000]*$';
