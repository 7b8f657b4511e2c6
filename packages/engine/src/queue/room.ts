/** What an execution has to itself while it runs: as much as the larger of its stages may use. */
export interface Reservation {
  readonly memoryKb: number;
  readonly cpus: number;
}

/** How many run at once, and what they may have reserved together. */
export interface RoomOptions {
  readonly concurrency: number;
  /** Absent: slots alone decide. */
  readonly reservable?: Reservation | undefined;
}

/**
 * Slots, and what those who have one reserve. What wants more than there is at all is held to it:
 * it runs when nothing else does, and nothing else beside it.
 */
export interface Room {
  running(): number;
  reserved(): Reservation;
  hasFor(wanted: Reservation): boolean;
  /** Only where there is room. @returns gives it back; to be called once */
  take(wanted: Reservation): () => void;
  /** 1 for one slot's share or less, then as many as it takes of what is scarcest. */
  costOf(wanted: Reservation): number;
}

/** Costs are fractions of this: sums of them are exact. */
const COST_PARTS = 64;

export function createRoom({ concurrency, reservable = ENDLESS }: RoomOptions): Room {
  let running = 0;
  let [memoryKb, cpus] = [0, 0];
  const held = (wanted: Reservation): Reservation => ({
    memoryKb: Math.min(wanted.memoryKb, reservable.memoryKb),
    cpus: Math.min(wanted.cpus, reservable.cpus),
  });
  const add = (change: Reservation, sign: 1 | -1): void => {
    running += sign;
    memoryKb += sign * change.memoryKb;
    cpus += sign * change.cpus;
  };
  return {
    running: () => running,
    reserved: () => ({ memoryKb, cpus }),
    hasFor: (wanted) => {
      const more = held(wanted);
      return (
        running < concurrency &&
        memoryKb + more.memoryKb <= reservable.memoryKb &&
        cpus + more.cpus <= reservable.cpus
      );
    },
    take: (wanted) => {
      const taken = held(wanted);
      add(taken, 1);
      return () => add(taken, -1);
    },
    costOf: (wanted) => {
      const more = held(wanted);
      const share = Math.max(more.memoryKb / reservable.memoryKb, more.cpus / reservable.cpus);
      return Math.max(1, Math.ceil(share * concurrency * COST_PARTS) / COST_PARTS);
    },
  };
}

const ENDLESS: Reservation = {
  memoryKb: Number.POSITIVE_INFINITY,
  cpus: Number.POSITIVE_INFINITY,
};
