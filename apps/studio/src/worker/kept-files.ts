import { joinPath, type Storage } from "@lobule/data";
import { removeFolder } from "@lobule/web";
import { bytesIn, foldersIn } from "./browser-files.js";
import type { Means } from "./means.js";
import { modelFolder } from "./models.js";
import { exampleFolder, labelFolder, scanFolder } from "./scan-files.js";

/** What this browser keeps besides runs and training sets: a scan, labels that were found in one, or a model that was added. */
export interface KeptFile {
  readonly kind: "scan" | "labels" | "model";
  readonly name: string;
  /** Its files, or the folder that holds them. */
  readonly paths: readonly string[];
  readonly bytes: number;
}

/** Lists and removes what was kept for Segment. */
export class KeptFiles {
  constructor(private readonly means: Means) {}

  async list(): Promise<readonly KeptFile[]> {
    return keptFiles(await this.means.storage());
  }

  /** @throws EBUSY where a tab reads it now. */
  async remove(file: KeptFile): Promise<void> {
    await removeKept(await this.means.storage(), file);
  }
}

/** Scans, labels and models of this browser, each by name. The files of a pair (.hdr, .img) are one scan. */
export async function keptFiles(storage: Storage): Promise<readonly KeptFile[]> {
  const scans = new Map<string, KeptFile>();
  for (const { path, bytes } of await filesBelow(storage, scanFolder)) {
    const key = path.startsWith(`${exampleFolder}/`) ? exampleFolder : path.replace(/\.(hdr|img)(\.gz)?$/i, "");
    const before = scans.get(key) ?? { kind: "scan", name: key.slice(scanFolder.length + 1), paths: [], bytes: 0 };
    const paths = key === exampleFolder ? [key] : [...before.paths, path];
    scans.set(key, { ...before, paths, bytes: before.bytes + bytes });
  }
  const labels = (await filesBelow(storage, labelFolder)).map(
    ({ path, bytes }): KeptFile => ({ kind: "labels", name: path.slice(labelFolder.length + 1), paths: [path], bytes }),
  );
  const models = (await foldersIn(storage, modelFolder)).map(async (name): Promise<KeptFile> => {
    const path = joinPath(modelFolder, name);
    return { kind: "model", name, paths: [path], bytes: await bytesIn(storage, path) };
  });
  return [...scans.values(), ...labels, ...(await Promise.all(models))];
}

/** Removes all files of what was kept. @throws the system's error where one is read now. */
export async function removeKept(storage: Storage, { paths }: KeptFile): Promise<void> {
  for (const path of paths) {
    if ((await storage.stat(path)).kind === "folder") await removeFolder(path);
    else await storage.remove(path);
  }
}

/** Files of a folder at any depth, by path; none where it is missing. */
async function filesBelow(
  storage: Storage,
  folder: string,
): Promise<readonly { readonly path: string; readonly bytes: number }[]> {
  const found: { readonly path: string; readonly bytes: number }[] = [];
  for (const name of (await storage.list(folder).catch(() => [])).toSorted()) {
    const path = joinPath(folder, name);
    const { kind, size } = await storage.stat(path);
    found.push(...(kind === "folder" ? await filesBelow(storage, path) : [{ path, bytes: size }]));
  }
  return found;
}
