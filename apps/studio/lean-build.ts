import { basename } from "node:path";
import type { Plugin } from "vite";

/** Workers for tasks run the script that starts them, in which all that they need is already. */
export const oneWorker: Plugin = {
  name: "one-worker",
  enforce: "pre",
  transform(code, id) {
    if (!/\/storage\/web-workers\.js$/.test(id)) return null;
    const own = code.replace('new URL("./task-worker.js", import.meta.url)', "self.location.href");
    if (own === code) this.error("the worker for tasks is not found in the text of its package");
    return { code: own, map: null };
  },
};

/**
 * The engine's script is a chunk among those of the page, so that what both need, such as the schemas of settings and what
 * reads them, is there once. Vite would build a worker apart, with all of it again.
 */
export const workersShareChunks: Plugin = {
  name: "workers-share-chunks",
  apply: "build",
  enforce: "pre",
  load(id) {
    if (!id.endsWith("?worker")) return null;
    const script = id.slice(0, -"?worker".length);
    const file = this.emitFile({ type: "chunk", id: script, name: basename(script, ".ts") });
    return `export default class extends Worker {
      constructor(options) { super(import.meta.ROLLUP_FILE_URL_${file}, { ...options, type: "module" }); }
    }`;
  },
};

/**
 * Leaves out what a model's own code may import, all of `nn` and `tensor`: the page's policy forbids code from text, and
 * says so where a model has such.
 */
export const withoutOwnModules: Plugin = {
  name: "without-own-modules",
  apply: "build",
  enforce: "pre",
  transform(_, id) {
    return /\/model\/own-modules\.js$/.test(id) ? { code: "export const ownModules = {};", map: null } : null;
  },
};
