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

/** Leaves out the comments of kernels, a third of what they take once compressed. */
export const withoutComments: Plugin = {
  name: "without-comments",
  apply: "build",
  enforce: "pre",
  transform(code, id) {
    if (!id.endsWith(".wgsl.js")) return null;
    const literal = /const source = (".*");/.exec(code)?.[1];
    if (literal === undefined) return this.error(`${id} holds no text of a kernel`);
    const text: string = JSON.parse(literal);
    // The mark that a constant is set by is a comment too.
    const kept = text
      .replaceAll(/^[ \t]*\/\/.*\n/gm, "")
      .replaceAll(/[ \t]*\/\/( tunable\b)?.*$/gm, (_, mark?: string) => (mark === undefined ? "" : ` //${mark}`));
    return { code: `export default ${JSON.stringify(kept)};`, map: null };
  },
};
