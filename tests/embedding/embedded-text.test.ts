import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { embeddedText } from "../../tools/embedded-text.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));

test("what separates nothing is left out, and only that", () => {
  const text = `// A file.
struct Sizes {
  width: u32, // pixels
  height: u32,
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
const TILE: u32 = 4; // tunable: a power of two

@compute @workgroup_size(TILE)
fn main(
  @builtin(global_invocation_id) id: vec3u,
) {
  // Beside a comment.
  let x = f32(id.x) - -1.0 / f32(sizes.width);
  if (x > 0.0) { return; } else if (id.y == 0u) {
    p = &*q;
  }
}
`;
  expect(embeddedText(text)).toBe(`struct Sizes{width:u32,height:u32}
@group(0) @binding(0) var<uniform> sizes: Sizes;
const TILE: u32 = 4; // tunable
@compute @workgroup_size(TILE)
fn main(@builtin(global_invocation_id)id:vec3u){let x=f32(id.x)- -1.0/f32(sizes.width);if(x>0.0){return;}else if(id.y==0u){p= &*q;}}
`);
});

/** Texts of kernels by which they are, from packages whose WGSL files were read by `read`. */
async function kernelTexts(folder: string, name: string, read: (text: string) => string): Promise<string[]> {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [join(root, "tests/embedding/kernel-texts.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "neutral",
    plugins: [
      {
        name: "source",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^@lobule\// }, ({ path }) => ({
            path: join(root, "packages", path.slice("@lobule/".length), "src/index.ts"),
          }));
          onResolve({ filter: /\.wgsl\.js$/ }, ({ path, resolveDir }) => ({
            path: join(resolveDir, path.replace(/\.js$/, "")),
          }));
          onLoad({ filter: /\.wgsl$/ }, async ({ path }) => ({
            contents: read(await readFile(path, "utf8")),
            loader: "text",
          }));
        },
      },
    ],
  });
  const { kernelTexts } = (await import(pathToFileURL(outfile).href)) as typeof import("./kernel-texts.js");
  return kernelTexts();
}

describe("kernels of files and of packages", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lobule-embedding-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("are the same after every transform, but for white space and comments", async () => {
    const tokens = (text: string): string =>
      text
        .replaceAll(/\/\/.*$/gm, "")
        .replaceAll(/\s+/g, "")
        .replaceAll(/,(?=[)}])/g, "");
    const written = (await kernelTexts(folder, "written", (text) => text)).map(tokens);
    const embedded = (await kernelTexts(folder, "embedded", embeddedText)).map(tokens);
    expect(new Set(written).size).toBeGreaterThan(300);
    expect(embedded).toEqual(written);
  });
});
