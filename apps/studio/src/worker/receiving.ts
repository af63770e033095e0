import { DataError, dirName, exists, joinPath, readText, type Storage } from "@lobule/data";
import { RunFolder } from "@lobule/train";
import { removeFolder } from "@lobule/web";
import { requireSpace } from "./browser-files.js";
import type { Means } from "./means.js";
import { newPath, runsFolder } from "./names.js";
import { keepFile, keepScans } from "./scan-files.js";

/** A run or a scan of the command's that this browser has now. */
export interface Received {
  readonly kind: "run" | "scan";
  readonly path: string;
  readonly name: string;
  /** Whether it was there already, as it is. */
  readonly known: boolean;
}

/** What the command's server lists. */
interface Given {
  readonly kind: "run" | "scan";
  readonly name: string;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** What tells whether two run folders are of one run at the same time. */
const telling = ["config.json", "environment.json", "metrics.jsonl"];

/** Takes what the command was told to open the page with into the browser's files. */
export class Receiving {
  constructor(private readonly means: Means) {}

  /**
   * @param address of the folder on the page's own server that lists and holds the files.
   * @throws Error where the server does not answer, or the browser has no space.
   */
  async take(address: string): Promise<Received> {
    const storage = await this.means.storage();
    const given = parseGiven(await (await ask(`${address}files.json`)).json());
    const { kind, name, files } = given;
    await requireSpace(
      files.reduce((sum, { size }) => sum + size, 0),
      `The ${kind} ${name}`,
    );
    return kind === "run" ? takeRun(storage, address, given) : takeScan(storage, address, given);
  }
}

/** Keeps a scan as one that is dropped: under a number where another scan has its name. */
async function takeScan(storage: Storage, address: string, { name }: Given): Promise<Received> {
  const file = new File([await (await ask(`${address}0`)).blob()], name);
  const [kept] = await keepScans(storage, [{ path: name, file }]);
  if (kept === undefined) throw new DataError(`${name} is no scan`);
  return { kind: "scan", ...kept, known: false };
}

async function takeRun(storage: Storage, address: string, { name, files }: Given): Promise<Received> {
  const texts = new Map<string, string>();
  for (const [i, { path }] of files.entries())
    if (telling.includes(path)) texts.set(path, await (await ask(`${address}${i}`)).text());
  const same = await sameRun(storage, texts);
  if (same !== undefined) return { kind: "run", path: joinPath(runsFolder, same), name: same, known: true };
  const folder = await newPath(storage, runsFolder, name);
  try {
    for (const [i, { path }] of files.entries()) {
      const target = joinPath(folder, path);
      if (!target.startsWith(`${folder}/`)) throw new DataError(`the run holds ${path}, which leaves its folder`);
      await storage.makeFolder(dirName(target));
      await keepFile(storage, target, await contentOf(`${address}${i}`));
    }
    await RunFolder.open(storage, folder);
  } catch (error) {
    await removeFolder(folder).catch(() => undefined);
    throw error;
  }
  return { kind: "run", path: folder, name: folder.slice(runsFolder.length + 1), known: false };
}

/** The name of a run that is here already, as far trained as the given one. */
async function sameRun(storage: Storage, texts: ReadonlyMap<string, string>): Promise<string | undefined> {
  if (!(await exists(storage, runsFolder))) return undefined;
  for (const name of await storage.list(runsFolder)) {
    const same = await Promise.all(
      telling.map(async (path) => {
        const here = await readText(storage, joinPath(runsFolder, name, path), "record").catch(() => undefined);
        return here === texts.get(path);
      }),
    );
    if (same.every(Boolean)) return name;
  }
  return undefined;
}

async function ask(address: string): Promise<Response> {
  const answer = await fetch(address).catch(() => undefined);
  if (answer?.ok === true) return answer;
  throw new DataError(
    answer === undefined
      ? "the command that served this page has ended; start it again, and open the address that it prints"
      : "the command that serves this page was started anew; open the address that it prints",
  );
}

async function contentOf(address: string): Promise<Pick<Blob, "stream">> {
  const { body } = await ask(address);
  return body === null ? new Blob() : { stream: () => body };
}

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

/** @throws DataError where it is no list; the page and its server may be of different versions. */
function parseGiven(value: unknown): Given {
  if (isFields(value) && (value.kind === "run" || value.kind === "scan")) {
    const { kind, name, files } = value;
    if (typeof name === "string" && Array.isArray(files))
      return {
        kind,
        name,
        files: files.map((file: unknown) => {
          if (isFields(file) && typeof file.path === "string" && typeof file.size === "number")
            return { path: file.path, size: file.size };
          throw new DataError("the list of files is not as expected; reload the page");
        }),
      };
  }
  throw new DataError("the list of files is not as expected; reload the page");
}
