import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A copy of the built command, beside which a page can be put. */
export interface CopiedCommand {
  readonly folder: string;
  readonly script: string;
  /** Where it looks for the studio's page; not there yet. */
  readonly page: string;
  remove(): Promise<void>;
}

/** Copies the built command, so that it does not matter whether the page of the repository is built. */
export async function copyCommand(): Promise<CopiedCommand> {
  const own = fileURLToPath(new URL("../../", import.meta.url));
  // Below the repository, where what it depends on is found.
  const caches = join(own, "../../node_modules/.cache");
  await mkdir(caches, { recursive: true });
  const folder = await mkdtemp(join(caches, "lobule-command-"));
  for (const part of ["bin", "dist", "package.json"])
    await cp(join(own, part), join(folder, part), { recursive: true });
  return {
    folder,
    script: join(folder, "bin/lobule.js"),
    page: join(folder, "studio"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
