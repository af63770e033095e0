import { availableParallelism, loadavg } from "node:os";

/**
 * A note, in one line, where other programs keep the processors busy. Threads that wait for one another then take many times as long:
 * PyTorch was seen to slow down more than tenfold where a software adapter slowed down threefold.
 * @param load processes that were running on average over the last minute.
 */
export function busyNote(load: number, processors: number): string | undefined {
  if (load < processors / 2) return undefined;
  return `note: this machine is busy (load ${load.toFixed(1)} on ${processors} processors); figures, and the goals beside them, hold for a quiet one only: PyTorch, whose threads wait for one another, suffers most`;
}

export const busyNow = (): string | undefined => busyNote(loadavg()[0] ?? 0, availableParallelism());
