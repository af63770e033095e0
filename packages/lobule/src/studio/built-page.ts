import { readdir } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { DataError, readBytes } from "@lobule/data";
import { nodeStorage } from "@lobule/node";

/** A file of the page as it is sent. */
interface PageFile {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** The page of the studio, read whole: what is not in here is not served. */
export interface BuiltPage {
  /** By their paths below the page's folder, such as "assets/index.js". */
  readonly files: ReadonlyMap<string, PageFile>;
  /** What the page may load and do, as its own head says it (Content Security Policy). */
  readonly policy: string;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
};

const policyOf = (html: string): string | undefined =>
  /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/.exec(html)?.[1];

/** @throws DataError where there is no page in the folder; it says how to build one. */
export async function readBuiltPage(folder: string): Promise<BuiltPage> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = new Map<string, PageFile>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(folder, path).replaceAll(sep, "/"), {
      type: types[extname(entry.name)] ?? "application/octet-stream",
      bytes: await readBytes(nodeStorage, path, "tensors"),
    });
  }
  const html = files.get("index.html");
  const policy = html === undefined ? undefined : policyOf(new TextDecoder().decode(html.bytes));
  if (policy === undefined)
    throw new DataError(`the studio's page is not built: ${folder} has none; build it with: npm run build:studio`);
  return { files, policy };
}
