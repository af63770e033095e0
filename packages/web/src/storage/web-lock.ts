import { LockError, type LockOptions, type StorageLock } from "@lobule/data";

const lockName = (path: string): string => `lobule ${path}`;

/** Whether a tab or worker of this origin has the lock of an absolute path. */
export async function isLocked(path: string): Promise<boolean> {
  const { held = [] } = await navigator.locks.query();
  return held.some(({ name }) => name === lockName(path));
}

/**
 * Takes the lock of a path among the tabs and workers of this origin. The browser releases it where they end.
 * @throws LockError where another has it; the signal's reason.
 */
export async function takeLock(path: string, { doing, signal, onLost }: LockOptions): Promise<StorageLock> {
  signal?.throwIfAborted();
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let lost = false;
  let ended: Promise<unknown> = Promise.resolve();
  const taken = await new Promise<boolean>((resolve, reject) => {
    ended = navigator.locks
      .request(lockName(path), { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : released;
      })
      .catch((error: unknown) => {
        // Stolen, where it was held: the promise above is settled then.
        reject(error);
        lost = true;
        onLost?.();
      });
  });
  if (!taken) throw new LockError(`another tab or worker of this browser ${doing} now; wait for it, or close it`);
  return {
    check: async () => {
      if (lost)
        throw new LockError(
          `the lock of ${path} was taken by another, so this one, which ${doing}, ends without saving`,
        );
    },
    release: async () => {
      release();
      await ended;
    },
  };
}
