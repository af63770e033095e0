// Packs every package as npm publishes it, and checks what is in it.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { contentProblems, manifestProblems, sideEffectProblems } from "./manifest-problems.mjs";
import { run } from "./run.mjs";
import { publishedWorkspaces, root } from "./workspaces.mjs";

const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");

/** Whether types are found, and say what is there, for every way to import that an ES module has. */
export async function typeProblems({ path }) {
  try {
    await run(process.execPath, [attw, path, "--profile", "esm-only", "--no-color", "--no-emoji"]);
    return [];
  } catch (error) {
    return [error.message];
  }
}

async function publintProblems(path) {
  const bytes = readFileSync(path);
  const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  return messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code);
}

/** Packs every published package into a folder, in the order in which they are to be published. */
export async function packAll(folder) {
  const workspaces = publishedWorkspaces();
  const words = workspaces.flatMap(({ name }) => ["--workspace", name]);
  const results = JSON.parse(
    await run("npm", ["pack", "--json", "--pack-destination", folder, ...words], { cwd: root }),
  );
  return workspaces.map((workspace) => {
    const result = results.find(({ name }) => name === workspace.manifest.name);
    return { ...workspace, ...result, name: workspace.manifest.name, path: join(folder, result.filename) };
  });
}

/** What is wrong with a packed package, each in one text. */
export async function problemsOf(tarball) {
  const files = tarball.files.map(({ path }) => path);
  return [
    ...manifestProblems(tarball),
    ...contentProblems(tarball, files),
    ...sideEffectProblems(tarball),
    ...(await publintProblems(tarball.path)),
  ];
}
