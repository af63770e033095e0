import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { build } from "esbuild";
import { type BrowserContext, chromium } from "playwright-core";
import { extract } from "tar-stream";

const packed = (name: string): string =>
  join(dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium")), "..", "..", "bin", name);
const unpacked = async (name: string): Promise<Buffer> => promisify(brotliDecompress)(await readFile(packed(name)));

async function unpackTar(name: string, folder: string): Promise<void> {
  const files = extract();
  files.end(await unpacked(name));
  for await (const file of files) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of file) chunks.push(chunk as Uint8Array);
    const path = join(folder, file.header.name);
    if (file.header.type !== "file") continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, Buffer.concat(chunks), { mode: 0o755 });
  }
}

/** Unpacks the Chromium that arrives with npm into a folder. */
export async function unpackChromium(folder: string): Promise<void> {
  await writeFile(join(folder, "chromium"), await unpacked("chromium.br"), { mode: 0o755 });
  await unpackTar("swiftshader.tar.br", folder);
  await unpackTar("al2023.tar.br", folder);
}

/**
 * Starts the Chromium of a folder.
 * @param profile a folder that outlives it: what pages keep is in there.
 * @param gpu whether its WebGPU has an adapter.
 */
export const launch = (folder: string, profile: string, gpu = true): Promise<BrowserContext> =>
  chromium.launchPersistentContext(profile, {
    executablePath: join(folder, "chromium"),
    env: { ...process.env, LD_LIBRARY_PATH: `${join(folder, "lib")}:${folder}`, HOME: folder },
    args: [
      "--headless=new",
      gpu ? "--enable-unsafe-webgpu" : "--disable-blink-features=WebGPU",
      "--no-sandbox",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // A busy machine takes longer for a kernel than the browser waits before it gives up its GPU process.
      "--disable-gpu-watchdog",
      "--disable-gpu-process-crash-limit",
    ],
  });

/** Compiled packages, as a page takes them. */
const packages = (...names: string[]): Record<string, string> =>
  Object.fromEntries(
    names.map((name) => [
      `@lobule/${name}`,
      fileURLToPath(new URL(`../../packages/${name}/dist/index.js`, import.meta.url)),
    ]),
  );

/** Bundles scripts of this folder for a browser, without anything of Node, by the names that they are served under. */
export async function bundled(entries: Readonly<Record<string, string>>): Promise<Map<string, string>> {
  const here = fileURLToPath(new URL(".", import.meta.url));
  const { outputFiles } = await build({
    entryPoints: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(here, file)])),
    alias: packages("kernels-wgsl", "tensor", "nn", "optim", "data", "metrics", "train", "report", "web"),
    outdir: "/",
    bundle: true,
    write: false,
    platform: "browser",
    format: "esm",
    target: "es2022",
  });
  return new Map(outputFiles.map(({ path, text }) => [path, text]));
}

/** Serves scripts, and a page that loads one of them. */
export async function serve(scripts: ReadonlyMap<string, string>, first: string): Promise<[Server, string]> {
  const server = createServer(({ url = "/" }, response) => {
    const script = scripts.get(url);
    response.setHeader("content-type", script === undefined ? "text/html" : "text/javascript");
    response.end(script ?? `<!doctype html><script type="module" src="${first}"></script>`);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`];
}
