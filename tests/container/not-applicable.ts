/** Why an attack says nothing about a container: the whole list of reasons. */
export const REASONS = {
  'no-user-namespace': 'it asks for what a uid means outside, and the engine maps none',
} as const;

/** Attacks by id that are not run. */
export const notApplicable: Readonly<Record<string, keyof typeof REASONS>> = {
  'host-ids': 'no-user-namespace',
};
