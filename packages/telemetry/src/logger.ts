import pino from 'pino';

/**
 * Everything that a log line can say. The list is closed on purpose: source code, standard input,
 * program output and keys have no member here, so no call can log them, and what a caller passes
 * beyond the list at run time is dropped before it is written.
 */
export interface LogFields {
  readonly executionId?: string;
  readonly requestId?: string;
  /** Of the trace that it is part of; undefined where none is sent. */
  readonly traceId?: string | undefined;
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
  /** Shares, 0 to 1: as it is, and as it was before. */
  readonly share?: number;
  readonly usual?: number;
  readonly running?: number;
  readonly queued?: number;
  readonly error?: unknown;
}

const FIELD_NAMES: ReadonlySet<string> = new Set<keyof LogFields>([
  'executionId',
  'requestId',
  'traceId',
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
  'share',
  'usual',
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
  const log = loggerOnto(level, to === 'stdout' ? 1 : 2);
  process.once('exit', () => log.flush());
  return log;
}

/**
 * The same on any open file. One that can't be written to (a pipe that nobody reads, a full disk)
 * ends no service and holds nothing up: lines are kept for later within a bound, then dropped.
 */
export function loggerOnto(level: LogLevel, descriptor: number): Logger & { flush(): void } {
  const maxLength = UNWRITTEN_CHARACTERS_MAX;
  const destination = pino.destination({ dest: descriptor, sync: true, maxLength });
  destination.on('error', () => {});
  let text = '';
  const sink = {
    write: (line: string) => {
      text += line;
    },
  };
  // Not by minLength and flushSync(): on such a file that tries again for ever (sonic-boom 4.2).
  return gather(loggerOver(level, sink), () => {
    const due = text;
    text = '';
    if (due !== '') destination.write(due);
  });
}

/** As many as one flush may have. */
const UNWRITTEN_CHARACTERS_MAX = 4 * 1024 * 1024;
/** Ordinary lines wait this long: they take no time of the request that they tell of. */
const GATHER_MS = 100;
const GATHER_LINES_MAX = 1000;

type Write = () => void;

function gather(over: StampedLogger, writeOut: () => void): Logger & { flush(): void } {
  let waiting: Write[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const lines = waiting;
    waiting = [];
    for (const write of lines) write();
    writeOut();
  };
  const later = (write: Write) => {
    waiting.push(write);
    if (waiting.length >= GATHER_LINES_MAX) flush();
    else timer ??= setTimeout(flush, GATHER_MS).unref();
  };
  const now = (write: Write) => {
    waiting.push(write);
    flush();
  };
  const line =
    (level: keyof Logger, when: (write: Write) => void) => (fields: LogFields, message: string) => {
      const atMs = Date.now();
      when(() => over[level](fields, message, atMs));
    };
  return {
    debug: line('debug', later),
    info: line('info', later),
    warn: line('warn', now),
    error: line('error', now),
    flush,
  };
}

/** Lines that may be written later than what they tell of happened. */
type StampedLogger = {
  [Level in keyof Logger]: (fields: LogFields, message: string, atMs?: number) => void;
};

/** The same at once, over any sink of lines. */
export function loggerOver(level: LogLevel, sink: { write(line: string): void }): StampedLogger {
  let atMs = 0;
  const lines = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date(atMs).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  const line =
    (name: keyof Logger) =>
    (fields: LogFields, message: string, at: number = Date.now()) => {
      atMs = at;
      lines[name](loggable(fields), cut(message));
    };
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
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
