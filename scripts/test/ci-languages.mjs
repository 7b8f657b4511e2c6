/**
 * The languages that `npm test` installs and runs; `node scripts/test.mjs --only languages` takes
 * all of them. GOZO_TEST_LANGUAGES=a,b names others.
 */
export const CI_LANGUAGES = [
  ...['bash', 'c', 'cpp', 'go', 'java', 'javascript', 'lua', 'perl', 'php', 'python', 'ruby'],
  ...['rust', 'sqlite', 'typescript'],
];

/** @param all every language, whatever the environment says */
export function testLanguages(all) {
  if (all) return null;
  return process.env.GOZO_TEST_LANGUAGES?.split(',') ?? CI_LANGUAGES;
}
