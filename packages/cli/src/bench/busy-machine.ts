import { availableParallelism, loadavg } from "node:os";

/**
 * A note where other programs keep the processors busy: threads that wait for one another then take many times as long,
 * and one peer suffers more than another.
 * @param load processes that were running on average over the last minute.
 */
export function busyNote(load: number, processors: number): string | undefined {
  if (load < processors / 2) return undefined;
  return `note: this machine was busy (load ${load.toFixed(1)}, ${processors} processors); PyTorch, whose threads wait for one another, suffers most`;
}

export const busyNow = (): string | undefined => busyNote(loadavg()[0] ?? 0, availableParallelism());
