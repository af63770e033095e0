import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { arch, platform, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliDecompress } from "node:zlib";
import { openGpu } from "@lobule/node";

import { build } from "esbuild";
import { chromium } from "playwright-core";
import { extract } from "tar-stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { trainingSteps } from "./training-step.js";

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

/** What a page needs: the core packages and the step in one file, without anything of Node. */
async function bundled(): Promise<string> {
  const source = (name: string): string =>
    fileURLToPath(new URL(`../../packages/${name}/dist/index.js`, import.meta.url));
  const { outputFiles } = await build({
    stdin: {
      contents: `import { trainingSteps } from "./training-step.ts"; globalThis.trainingSteps = trainingSteps;`,
      resolveDir: dirname(fileURLToPath(import.meta.url)),
    },
    alias: Object.fromEntries(["kernels-wgsl", "tensor", "nn"].map((name) => [`@lobule/${name}`, source(name)])),
    bundle: true,
    write: false,
    platform: "browser",
    format: "esm",
    target: "es2022",
  });
  return outputFiles[0]?.text ?? "";
}

describe.runIf(platform() === "linux" && arch() === "x64")("in headless Chromium", () => {
  let folder: string;
  let server: Server;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lobule-browser-"));
    await writeFile(join(folder, "chromium"), await unpacked("chromium.br"), { mode: 0o755 });
    await unpackTar("swiftshader.tar.br", folder);
    await unpackTar("al2023.tar.br", folder);
    const script = await bundled();
    server = createServer(({ url }, response) => {
      const isScript = url === "/step.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      response.end(isScript ? script : `<!doctype html><script type="module" src="/step.js"></script>`);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
  });
  afterAll(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("three steps of training give what they give in Node", async () => {
    const browser = await chromium.launch({
      executablePath: join(folder, "chromium"),
      env: { ...process.env, LD_LIBRARY_PATH: `${join(folder, "lib")}:${folder}`, HOME: folder },
      args: [
        "--headless=new",
        "--enable-unsafe-webgpu",
        "--no-sandbox",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await page.waitForFunction("globalThis.trainingSteps !== undefined");
      const inPage = (await page.evaluate("trainingSteps(navigator.gpu)")) as Awaited<ReturnType<typeof trainingSteps>>;
      const inNode = await trainingSteps(await openGpu());
      expect(inPage.losses).toHaveLength(3);
      inPage.losses.forEach((loss, i) => {
        expect(Math.abs(loss - (inNode.losses[i] ?? Number.NaN)) / loss, `step ${i + 1}`).toBeLessThan(1e-5);
      });
      const size = Math.hypot(...inNode.logits);
      const apart = Math.hypot(...inPage.logits.map((value, i) => value - (inNode.logits[i] ?? Number.NaN)));
      expect(apart / size, `${inPage.adapter} and ${inNode.adapter}`).toBeLessThan(1e-4);
    } finally {
      await browser.close();
    }
  });
});
