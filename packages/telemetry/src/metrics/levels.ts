import { Counter, Gauge, type Registry } from 'prom-client';

/** How full things are now; `undefined` where it can't be told. */
export interface Load {
  readonly running: number;
  readonly slots: number;
  /** By those that run, and what may be. */
  readonly reserved: Amounts;
  readonly reservable: Amounts;
  /** Connections that wait, listen or talk to programs. */
  readonly listeners: number;
  readonly listenersMax: number;
  readonly queued: number;
  readonly queueMax: number;
  readonly isLauncherUp: boolean;
  /** Absent where there is no store. */
  readonly isStoreUp?: boolean | undefined;
  /** Sandboxes whose end was told and that are not gone yet. */
  readonly leaving: number | undefined;
  /** Sandboxes that could not be proven gone. */
  readonly quarantined: number | undefined;
  readonly languages: number | undefined;
  readonly pool: PoolLoad | undefined;
  /** Absent where no audit log is kept. */
  readonly audit?: AuditLoad | undefined;
}

export interface Amounts {
  readonly memoryKb: number;
  readonly cpus: number;
}

export interface AuditLoad {
  readonly entries: number;
  /** It can be written and signed. */
  readonly isWell: boolean;
  readonly waiting: number;
  readonly lost: number;
}

export interface PoolLoad {
  readonly memoryKb: number;
  readonly memoryKbMax: number;
  readonly budgetKb: number;
  readonly recipes: readonly {
    readonly language: string;
    readonly stage: string;
    readonly ready: number;
    readonly wanted: number;
    /** Since the start. */
    readonly hits: number;
    readonly misses: number;
  }[];
}

/** What goes up and down. */
export interface Levels {
  set(load: Load): void;
}

export function levelsOn(registry: Registry, version: string): Levels {
  const own = metricsOn(registry);
  own.build.labels(version).set(1);
  return {
    set: (load) => {
      own.running.set(load.running);
      own.slots.set(load.slots);
      own.reservedBytes.set(load.reserved.memoryKb * 1024);
      own.reservedBytesMax.set(load.reservable.memoryKb * 1024);
      own.reservedCpus.set(load.reserved.cpus);
      own.reservedCpusMax.set(load.reservable.cpus);
      own.listeners.set(load.listeners);
      own.listenersMax.set(load.listenersMax);
      own.queued.set(load.queued);
      own.queueMax.set(load.queueMax);
      own.launcher.set(load.isLauncherUp ? 1 : 0);
      own.store.set(load.isStoreUp === undefined ? Number.NaN : Number(load.isStoreUp));
      if (load.leaving !== undefined) own.leaving.set(load.leaving);
      if (load.quarantined !== undefined) own.quarantined.set(load.quarantined);
      if (load.languages !== undefined) own.languages.set(load.languages);
      setPool(own, load.pool);
      if (load.audit !== undefined) setAudit(own, load.audit);
    },
  };
}

function setAudit(own: ReturnType<typeof metricsOn>, audit: AuditLoad): void {
  own.auditEntries.set(audit.entries);
  own.auditUp.set(audit.isWell && audit.waiting === 0 ? 1 : 0);
  own.auditWaiting.set(audit.waiting);
  own.auditLost.reset();
  own.auditLost.inc(audit.lost);
}

function setPool(own: ReturnType<typeof metricsOn>, pool: PoolLoad | undefined): void {
  for (const metric of [own.ready, own.wanted, own.hits, own.misses]) metric.reset();
  if (pool === undefined) return;
  own.poolBytes.set(pool.memoryKb * 1024);
  own.poolBytesMax.set(pool.memoryKbMax * 1024);
  own.poolBudget.set(pool.budgetKb * 1024);
  for (const { language, stage, ready, wanted, hits, misses } of pool.recipes) {
    // Versions of one language are one row: `inc` adds them up.
    own.ready.labels(language, stage).inc(ready);
    own.wanted.labels(language, stage).inc(wanted);
    own.hits.labels(language, stage).inc(hits);
    own.misses.labels(language, stage).inc(misses);
  }
}

function metricsOn(registry: Registry) {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Gauge({ name: `gozolite_${name}`, help, labelNames, registers });
  const poolCounter = (name: string, help: string) =>
    new Counter({ name: `gozolite_${name}`, help, labelNames: KIND, registers });
  return {
    build: gauge('build_info', '1, with the version.', ['version']),
    running: gauge('executions_running', 'Executions that hold a slot.'),
    slots: gauge('execution_slots', 'Executions that may run at once.'),
    reservedBytes: gauge('reserved_memory_bytes', 'What those that run have reserved.'),
    reservedBytesMax: gauge('reserved_memory_bytes_max', 'What executions may reserve together.'),
    reservedCpus: gauge('reserved_cpus', 'CPUs that those that run have reserved.'),
    reservedCpusMax: gauge('reserved_cpus_max', 'CPUs that executions may reserve together.'),
    listeners: gauge('listeners', 'Connections that wait, listen or talk to programs.'),
    listenersMax: gauge('listeners_max', 'Connections that may.'),
    queued: gauge('queue_length', 'Executions that wait for a slot.'),
    queueMax: gauge('queue_length_max', 'Executions that may wait.'),
    launcher: gauge('launcher_up', '1 where what makes the sandboxes answers.'),
    store: gauge('store_up', '1 where the store of tenants and executions answers.'),
    leaving: gauge('teardown_backlog', 'Sandboxes that ended and are not gone yet.'),
    quarantined: gauge('sandboxes_quarantined', 'Sandboxes that could not be proven gone.'),
    languages: gauge('languages_available', 'Languages that can be run.'),
    ready: gauge('pool_ready', 'Sandboxes that wait for a request.', KIND),
    wanted: gauge('pool_wanted', 'Sandboxes that should wait, as demand is.', KIND),
    hits: poolCounter('pool_hits_total', 'Commands that found a sandbox ready.'),
    misses: poolCounter('pool_misses_total', 'Commands that could have, and found none.'),
    auditUp: gauge('audit_up', '1 where all that was done is on record.'),
    auditEntries: gauge('audit_entries', 'Entries of the audit log.'),
    auditWaiting: gauge('audit_entries_waiting', 'Entries that could not be written yet.'),
    auditLost: new Counter({
      ...{ name: 'gozolite_audit_entries_lost_total', registers },
      help: 'Entries that were never written.',
    }),
    poolBytes: gauge('pool_memory_bytes', 'What those that wait hold.'),
    poolBytesMax: gauge('pool_memory_bytes_max', 'What they may hold by the settings.'),
    poolBudget: gauge('pool_memory_budget_bytes', 'What they may hold now.'),
  };
}

const KIND = ['language', 'stage'];
