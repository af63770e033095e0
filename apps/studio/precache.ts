import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Plugin } from "vite";

const worker = "service-worker.js";

/** Builds the service worker, and writes into it what the page is made of: it changes whenever any of that does. */
export const precache: Plugin = {
  name: "precache",
  apply: "build",
  buildStart() {
    this.emitFile({ type: "chunk", id: "/src/offline/service-worker.ts", fileName: worker });
  },
  writeBundle({ dir = "" }) {
    const paths = readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(dir, join(entry.parentPath, entry.name)).replaceAll(sep, "/"))
      .filter((path) => path !== worker && !path.endsWith(".map"))
      .sort();
    const digest = createHash("sha256");
    const code = readFileSync(join(dir, worker), "utf8");
    for (const path of paths) digest.update(path).update(readFileSync(join(dir, path)));
    const version = digest.update(code).digest("hex").slice(0, 16);
    const known = `const pageFiles=${JSON.stringify(paths)},pageVersion=${JSON.stringify(version)};`;
    writeFileSync(join(dir, worker), `${known}\n${code}`);
  },
};
