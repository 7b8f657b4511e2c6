import pino from 'pino';

/**
 * Everything that a log line can say. The list is closed on purpose: source code, standard input,
 * program output and keys have no member here, so no call can log them, and what a caller passes
 * beyond the list at run time is dropped before it is written.
 */
export interface LogFields {
  readonly executionId?: string;
  readonly requestId?: string;
  readonly tenant?: string;
  readonly language?: string;
  readonly version?: string;
  readonly digest?: string;
  readonly stage?: string;
  readonly status?: string;
  readonly outcome?: string;
  readonly limit?: string;
  readonly failure?: string;
  readonly refusal?: string;
  readonly reason?: string;
  readonly step?: string;
  readonly errno?: string;
  readonly signal?: string;
  readonly backend?: string;
  readonly level?: string;
  readonly method?: string;
  readonly route?: string;
  readonly httpStatus?: number;
  readonly address?: string;
  readonly port?: number;
  readonly file?: string;
  readonly wallMs?: number;
  readonly cpuMs?: number;
  readonly waitMs?: number;
  readonly memoryKb?: number;
  readonly bytes?: number;
  readonly count?: number;
  readonly running?: number;
  readonly queued?: number;
  readonly error?: unknown;
}

const FIELD_NAMES: ReadonlySet<string> = new Set<keyof LogFields>([
  'executionId',
  'requestId',
  'tenant',
  'language',
  'version',
  'digest',
  'stage',
  'status',
  'outcome',
  'limit',
  'failure',
  'refusal',
  'reason',
  'step',
  'errno',
  'signal',
  'backend',
  'level',
  'method',
  'route',
  'httpStatus',
  'address',
  'port',
  'file',
  'wallMs',
  'cpuMs',
  'waitMs',
  'memoryKb',
  'bytes',
  'count',
  'running',
  'queued',
  'error',
]);

/** A longer text is cut: a log line has a bound as everything has. */
const TEXT_CHARACTERS_MAX = 1024;
const STACK_FRAMES_MAX = 12;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly to: 'stdout' | 'stderr';
}

/** JSON lines: `level`, `time` (RFC 3339, UTC), the fields, `msg`. */
export function createLogger({ level, to }: LoggerOptions): Logger {
  const descriptor = to === 'stdout' ? 1 : 2;
  const sink = gather(pino.destination({ dest: descriptor, sync: true }));
  process.once('exit', () => sink.flush());
  return loggerOver(level, sink);
}

/** Ordinary lines wait this long for others: whoever reads them is woken once for many. */
const GATHER_MS = 100;
const GATHER_CHARACTERS_MAX = 64 * 1024;

export interface Sink {
  write(line: string): void;
  /** Nothing waits any longer: a warning, an error, the process's end. */
  flush?(): void;
}

function gather(to: Sink): Required<Sink> {
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const lines = waiting;
    waiting = '';
    if (lines !== '') to.write(lines);
  };
  const write = (line: string) => {
    waiting += line;
    if (waiting.length > GATHER_CHARACTERS_MAX) flush();
    else timer ??= setTimeout(flush, GATHER_MS).unref();
  };
  return { write, flush };
}

/** The same over any sink of lines. */
export function loggerOver(level: LogLevel, sink: Sink): Logger {
  const lines = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  return {
    debug: (fields, message) => lines.debug(loggable(fields), cut(message)),
    info: (fields, message) => lines.info(loggable(fields), cut(message)),
    warn: (fields, message) => {
      lines.warn(loggable(fields), cut(message));
      sink.flush?.();
    },
    error: (fields, message) => {
      lines.error(loggable(fields), cut(message));
      sink.flush?.();
    },
  };
}

function loggable(fields: LogFields): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (!FIELD_NAMES.has(name)) continue;
    if (typeof value === 'string') kept[name] = cut(value);
    else if (typeof value === 'number') kept[name] = Math.round(value * 1000) / 1000;
    else if (name === 'error') kept[name] = describeError(value);
  }
  return kept;
}

function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return {
    name: error.name,
    // V8 quotes the text that JSON.parse choked on: it may be a user's program.
    ...(error instanceof SyntaxError ? {} : { message: cut(error.message) }),
    stack: frames.slice(0, STACK_FRAMES_MAX).map((frame) => frame.trim()),
  };
}

function cut(text: string): string {
  return text.length <= TEXT_CHARACTERS_MAX ? text : `${text.slice(0, TEXT_CHARACTERS_MAX)}…`;
}
