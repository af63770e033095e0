import { baseName, DataError, exists, joinPath, LockError, type Storage } from "@lobule/data";

const lockName = (data: string): string => `lobule ${data} in use`;

/**
 * Keeps data from being removed by any tab of this browser while a run is trained or measured on them. Several may use the
 * same data at a time.
 * @param data path of their folder.
 * @throws LockError while another tab removes them; what `work` throws.
 */
export async function usingData<Result>(data: string, work: () => Promise<Result>): Promise<Result> {
  return navigator.locks.request(lockName(data), { mode: "shared", ifAvailable: true }, (lock) => {
    if (lock === null)
      throw new LockError(
        `the data ${baseName(data)} are being removed in another tab; once they are gone, take their folder in on Train again`,
      );
    return work();
  });
}

/** Removes data by `remove`. @throws LockError while they are in use, in this tab or another; what `remove` throws. */
export async function unlessUsed(data: string, remove: () => Promise<void>): Promise<void> {
  await navigator.locks.request(lockName(data), { ifAvailable: true }, (lock) => {
    if (lock === null)
      throw new LockError(
        `a run is being trained or measured on ${baseName(data)} in a tab of this browser; pause it or wait for its end, then remove the data`,
      );
    return remove();
  });
}

/** @throws DataError where the folder of a run's data is not in this browser, or is no Decathlon folder. */
export async function requireData(storage: Storage, data: string): Promise<void> {
  if (await exists(storage, joinPath(data, "dataset.json"))) return;
  throw new DataError(
    `the data of this run, ${baseName(data)}, are not in this browser; take their folder in on Train, then try again`,
  );
}
