import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { cacheFolder } from "@lobule/node";

/**
 * Where the decoded slices of a data folder are kept unless --cache says otherwise, by the folder's full path: its name, and
 * what tells it from others of that name.
 */
export async function sliceCacheFolder(): Promise<(data: string) => string> {
  const caches = join(await cacheFolder(), "slices");
  return (data) => join(caches, `${basename(data)}-${createHash("sha256").update(data).digest("hex").slice(0, 8)}`);
}
