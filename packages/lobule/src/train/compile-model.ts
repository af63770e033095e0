import { basename, dirname, resolve } from "node:path";
import { FileReadError, readText } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { type ModelCode, ModelError } from "@lobule/train";
import type { Plugin } from "esbuild";

/** Text of WGSL files; `x.wgsl.js` is what TypeScript calls x.wgsl where it is embedded. */
const wgsl: Plugin = {
  name: "wgsl",
  setup(build) {
    build.onResolve({ filter: /\.wgsl(\.js)?$/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path.replace(/\.js$/, "")),
    }));
    build.onLoad({ filter: /\.wgsl$/ }, async ({ path }) => ({
      contents: await readText(nodeStorage, path, "code"),
      loader: "text",
    }));
  },
};

/**
 * A model file and what it imports as one piece of code: TypeScript or JavaScript, or a run's model.cjs as it is.
 * @throws ModelError naming the file, and the line where it cannot be read.
 */
export async function compileModel(path: string): Promise<ModelCode> {
  const text = await readText(nodeStorage, path, "code").catch((error: unknown) => {
    if (!(error instanceof FileReadError)) throw error;
    throw new ModelError(`${error.message}; give a .ts or .js file that exports a model`);
  });
  if (path.endsWith(".cjs")) return { text, source: path };
  const { build } = await import("esbuild").catch(() => {
    throw new ModelError(
      `${path}: esbuild, which compiles models, is not installed here; train with it elsewhere once and give that run's model.cjs`,
    );
  });
  const result = await build({
    absWorkingDir: dirname(resolve(path)),
    entryPoints: [basename(path)],
    bundle: true,
    write: false,
    format: "cjs",
    target: "es2023",
    external: ["@lobule/*"],
    plugins: [wgsl],
    logLevel: "silent",
  }).catch((error: unknown) => {
    throw new ModelError(`${path}: ${firstProblem(error)}`);
  });
  return { text: result.outputFiles[0]?.text ?? "", source: path };
}

/** What esbuild found first, and where. */
function firstProblem(error: unknown): string {
  const [found] = (error as { readonly errors?: readonly BuildMessage[] }).errors ?? [];
  if (found === undefined) return error instanceof Error ? error.message : String(error);
  const { text, location } = found;
  return location === null ? text : `line ${location.line} of ${location.file}: ${text}`;
}

interface BuildMessage {
  readonly text: string;
  readonly location: { readonly file: string; readonly line: number } | null;
}
