import type { SignalName, TerminalSize } from '@gozolite/contract/interactive/interactive';
import type { NetworkPolicy } from '@gozolite/contract/network';
import type { LaunchRecipe } from '@gozolite/contract/recipe';
import type { PoolLine, SandboxCommand, WorkspaceFile } from '../../../backend.js';
import type { Interaction } from '../../../interaction.js';
import { type Frame, frame, PAYLOAD_BYTES_MAX } from './frames.js';
import { PROTOCOL_VERSION } from './messages.js';

/** The frames that the client sends; member order as in docs/reference/launch-protocol.md. */

export function helloFrame(): Frame {
  return frame({ type: 'hello', version: PROTOCOL_VERSION });
}

export function recipeFrame({ digest, ...recipe }: LaunchRecipe): Frame {
  return frame({ type: 'recipe', digest, recipe });
}

export function diagnoseFrame(): Frame {
  return frame({ type: 'diagnose' });
}

export function poolFrame(lines: readonly PoolLine[], ageMs: number): Frame {
  const order = lines.map(({ recipe, args, keepOutput, count, limits }) => ({
    ...{ recipe: recipe.digest, args, keep: keepOutput, count, limits },
  }));
  return frame({ type: 'pool', age_ms: ageMs }, Buffer.from(JSON.stringify(order)));
}

/**
 * All that a sandbox connection sends at first: without an interaction all that it ever sends, with
 * one until the program runs.
 */
export function launchFrames(command: SandboxCommand, interaction?: Interaction): Frame[] {
  const frames = [startFrame(command, interaction)];
  for (const file of command.files) frames.push(...fileFrames(file));
  frames.push(...stdinFrames(command.stdin));
  if (interaction === undefined) frames.push(stdinEndFrame());
  // The first frame of input starts the program, however little it holds.
  else if (command.stdin.length === 0) frames.push(frame({ type: 'stdin' }));
  return frames;
}

export function stdinFrames(bytes: Uint8Array): Frame[] {
  return pieces(bytes).map((piece) => frame({ type: 'stdin' }, piece));
}

export function stdinEndFrame(): Frame {
  return frame({ type: 'stdin_end' });
}

export function signalFrame(signal: SignalName): Frame {
  return frame({ type: 'signal', signal });
}

export function resizeFrame({ columns, rows }: TerminalSize): Frame {
  return frame({ type: 'resize', columns, rows });
}

/** What may be longer than a header (arguments, environment, globs) travels as the payload. */
function startFrame(command: SandboxCommand, interaction: Interaction | undefined): Frame {
  const { args, env, artifacts, network, data } = command;
  const header = {
    type: 'start',
    id: command.id,
    recipe: command.recipe.digest,
    limits: command.limits,
    ...(command.layer === undefined ? {} : { layer: command.layer.handle }),
    keep: command.keepOutput,
    ...(network === undefined ? {} : { network: networkMember(network) }),
    ...(data === undefined ? {} : { data: data.map(({ name, digest }) => ({ name, digest })) }),
    ...(interaction === undefined ? {} : { interactive: interactiveMember(interaction) }),
  };
  return frame(header, Buffer.from(JSON.stringify({ args, env, artifacts })));
}

function interactiveMember({ terminal }: Interaction) {
  if (terminal === undefined) return {};
  return { terminal: { columns: terminal.columns, rows: terminal.rows } };
}

function networkMember({ allow, bytesMax, connectionsMax, timeMsMax }: NetworkPolicy) {
  const caps = { bytes_max: bytesMax, connections_max: connectionsMax, time_ms_max: timeMsMax };
  return { allow, caps };
}

export function fileFrames({ path, content, executable }: WorkspaceFile): Frame[] {
  const contents = content.length === 0 ? [content] : pieces(content);
  return contents.map((piece, index) =>
    frame({ type: 'file', path, executable, append: index > 0 }, piece),
  );
}

function pieces(bytes: Uint8Array): Uint8Array[] {
  const cut: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; from += PAYLOAD_BYTES_MAX) {
    cut.push(bytes.subarray(from, from + PAYLOAD_BYTES_MAX));
  }
  return cut;
}
