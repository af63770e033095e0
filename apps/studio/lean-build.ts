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
