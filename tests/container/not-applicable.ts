/** Why an attack says nothing about a container: the whole list of reasons. */
export const REASONS = {
  'no-user-namespace': 'it asks for what a uid means outside, and the engine maps none',
  'uid-of-its-own': 'its twin is the uid 1000 that the filter knows; a container has another one',
  'held-by-landlock': 'a container holds it as well, but by Landlock, whose errno is another',
  'own-cgroup-shown':
    'a container sees its own cgroup at /sys/fs/cgroup, read-only, and nothing else',
} as const;

/** Attacks by id that are not run. */
export const notApplicable: Readonly<Record<string, keyof typeof REASONS>> = {
  'become-root': 'uid-of-its-own',
  'host-ids': 'no-user-namespace',
  'host-mounts': 'own-cgroup-shown',
  'write-own-text': 'held-by-landlock',
};
