import { MpiError } from "@lobule/mpi";
import { DeviceError } from "@lobule/tensor";

/** Seconds that a GPU may need for what it is given at once, such as a part of a batch, where nothing else is asked for. */
const defaultPatience = 1800;
/** Seconds between two looks at a GPU, at most. */
const mostBetween = 5;

/** Seconds after which a GPU counts as hanging. @throws MpiError where LOBULE_PATIENCE is no such number. */
export function patienceOf({ LOBULE_PATIENCE: asked }: Readonly<Record<string, string | undefined>>): number {
  if (asked === undefined || asked === "") return defaultPatience;
  const seconds = Number(asked);
  if (seconds > 0 && Number.isFinite(seconds)) return seconds;
  throw new MpiError(`LOBULE_PATIENCE is '${asked}'; it takes the seconds that a GPU may need, a number above 0`);
}

/** What is the matter with a GPU that {@link watchGpu} found. */
export const hanging = (patience: number): DeviceError =>
  new DeviceError(
    `the GPU has not finished its work within ${patience} s and counts as hanging; where it is only slow, set LOBULE_PATIENCE to more seconds`,
  );

/**
 * Watches a GPU: calls `onHang` once where what was queued is not finished within `patience` seconds. Only time in which this
 * process itself goes on counts, so that one that was suspended, or computed without a pause, does not take itself for a GPU
 * that hangs. It is seen at most 10 seconds later.
 * @returns what ends the watch.
 */
export function watchGpu(
  queue: Pick<GPUQueue, "onSubmittedWorkDone">,
  patience: number,
  onHang: () => void,
): () => void {
  const between = Math.min(patience / 20, mostBetween);
  /** Seconds since the GPU was asked; undefined where it has answered. */
  let waited: number | undefined;
  const answered = (): void => {
    waited = undefined;
  };
  const timer = setInterval(() => {
    if (waited === undefined) {
      waited = 0;
      // A lost device has answered too: who waits for its work is told.
      queue.onSubmittedWorkDone().then(answered, answered);
      return;
    }
    waited += between;
    if (waited < patience) return;
    clearInterval(timer);
    onHang();
  }, 1000 * between);
  timer.unref();
  return () => clearInterval(timer);
}
