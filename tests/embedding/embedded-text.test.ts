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

test("what a function declares has a short name that nothing else has of which it speaks, and all else keeps its own", () => {
  const text = `@group(0) @binding(0) var<storage, read_write> output: array<f32>;
var<private> total: f32;
struct Place { width: u32, at: u32 }
fn w(value: f32) -> f32 { return value; }
fn main(@builtin(workgroup_id) workgroup_id: vec3u, width: u32) {
  let place = Place(width, workgroup_id.x);
  let total = total + distance(1.0, 2.0);
  for (var weight = 0u; weight < place.width; weight++) {
    let distance = w(total);
    output[place.at + weight] = distance;
  }
}
fn taken(xx1: u32, xx2: u32, xx3: u32, xx4: u32) { x = f(xx1, xx2, xx3, xx4); }
`;
  expect(embeddedText(text)).toBe(`@group(0) @binding(0) var<storage, read_write> output: array<f32>;
var<private> total: f32;
struct Place{width:u32,at:u32}
fn w(v:f32)->f32{return v;}
fn main(@builtin(workgroup_id)o:vec3u,i:u32){let p=Place(i,o.x);let total=total+distance(1.0,2.0);for(var e=0u;e<p.width;e++){let distance=w(total);output[p.at+e]=distance;}}
fn taken(X:u32,x2:u32,x3:u32,x4:u32){x=f(X,x2,x3,x4);}
`);
});

/**
 * Tokens of a text without comments and commas at ends, in which what each function declares is numbered in the order of its
 * declarations: two texts that differ in names alone have the same, unless two things of one have one name in the other.
 */
function tokensOf(text: string): string {
  const tokens: readonly string[] =
    text
      .replaceAll(/\/\/.*$/gm, "")
      .replaceAll(/,\s*(?=[)}])/g, "")
      .match(/[A-Za-z_]\w*|[\d.]+\w*|\S/g) ?? [];
  const isMember = (at: number): boolean => tokens[at - 1] === "." || tokens[at - 2] === "builtin";
  const result: string[] = [];
  for (let at = 0; at < tokens.length; ) {
    const end = tokens[at] === "fn" ? endOfFunction(tokens, at) : at + 1;
    const body = tokens.indexOf("{", at);
    const declared = new Map<string, string>();
    for (let i = at + 2; i < end; i++) {
      const isParameter = i < body && tokens[i + 1] === ":";
      if (!isParameter && !/^(let|var|const)$/.test(tokens[i - 1] ?? "")) continue;
      const name = tokens[i] ?? "";
      if (!declared.has(name)) declared.set(name, `#${declared.size}`);
    }
    for (; at < end; at++) result.push((isMember(at) ? undefined : declared.get(tokens[at] ?? "")) ?? tokens[at] ?? "");
  }
  return result.join(" ");
}

function endOfFunction(tokens: readonly string[], start: number): number {
  let depth = 0;
  for (let at = tokens.indexOf("{", start); at < tokens.length; at++) {
    if (tokens[at] === "{") depth++;
    else if (tokens[at] === "}" && --depth === 0) return at + 1;
  }
  throw new Error("a function has no end");
}

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

  test("are the same after every transform, but for white space, comments and names within functions", async () => {
    const written = await kernelTexts(folder, "written", (text) => text);
    const embedded = await kernelTexts(folder, "embedded", embeddedText);
    expect(embedded).toHaveLength(written.length);
    const forms = new Map(written.map((text, i) => [text, embedded[i] ?? ""]));
    expect(forms.size).toBeGreaterThan(300);
    for (const [text, form] of forms) expect(tokensOf(form)).toBe(tokensOf(text));
  });
});
