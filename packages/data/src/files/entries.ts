import type { Entry, Storage } from "../storage/storage.js";

/** What a path names; undefined where there is nothing, or it cannot be told. */
export const entryAt = (storage: Storage, path: string): Promise<Entry | undefined> =>
  storage.stat(path).catch(() => undefined);

/** Whether something has that path. */
export const exists = async (storage: Storage, path: string): Promise<boolean> =>
  (await entryAt(storage, path)) !== undefined;
