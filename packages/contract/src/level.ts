/** How much of the confinement is enforced by the kernel (docs/reference/isolation.md). */
export const LEVELS = ['full', 'reduced', 'container'] as const;
export type Level = (typeof LEVELS)[number];

/**
 * Whether a server with this floor may run programs at that level. `full` is above `reduced`;
 * `container` has no place in that order and is accepted by name only.
 */
export function meetsFloor(level: Level, floor: Level): boolean {
  return level === 'full' || level === floor;
}
