import { runLoudly } from '../build/run-loudly.mjs';
import { installCommands } from '../start/report.mjs';

/**
 * Runs the very lines that the server's start report prints, then has it look again.
 * @param wanted ids of languages; null: all that there are
 */
export async function installMissingToolchains(server, say, wanted) {
  const missing = await missingLanguages(server, wanted);
  if (missing.length === 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const commands = installCommands(missing);
  if (commands.some((command) => command.startsWith('apt-get '))) {
    await runLoudly('apt-get', ['update', '-q'], { env });
  }
  for (const command of commands) {
    say(`Installing toolchains: ${command}`);
    const [program, ...args] = command.split(' ');
    await runLoudly(program, args, { env });
  }
  const answer = await fetch(`${server.url}/capabilities/refresh`, { method: 'POST' });
  await answer.text();
  const still = await missingLanguages(server, wanted);
  if (still.length > 0) {
    const names = still.map(({ id, reason }) => `${id} (${reason})`).join(', ');
    say(`Still missing after ${commands.join(' and ')}: ${names}`);
  }
}

async function missingLanguages(server, wanted) {
  const languages = await triedLanguages(server);
  const isMissing = ({ reason }) => reason === 'TOOLCHAIN_MISSING';
  return languages.filter((each) => isMissing(each) && (wanted?.includes(each.id) ?? true));
}

const TRIED_MS_MAX = 10 * 60_000;

/** The suites measure: they begin when the first programs that a start tries have ended. */
async function triedLanguages(server) {
  const deadlineMs = Date.now() + TRIED_MS_MAX;
  for (;;) {
    const answer = await fetch(`${server.url}/capabilities`);
    const { languages } = await answer.json();
    const isTried = languages.every(({ reason }) => reason !== 'SMOKE_PENDING');
    if (isTried || Date.now() > deadlineMs) return languages;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
