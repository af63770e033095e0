import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { build } from "vite";
import { launch, unpackChromium } from "../browser/chromium.js";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

/** Serves a folder as any static server would. */
async function serveFolder(folder: string): Promise<[Server, string]> {
  const server = createServer(async ({ url = "/" }, response) => {
    const path = normalize(decodeURIComponent(new URL(url, "http://page").pathname));
    const name = path.endsWith("/") ? `${path}index.html` : path;
    try {
      const bytes = await readFile(join(folder, name));
      response.setHeader("content-type", types[extname(name)] ?? "application/octet-stream");
      response.end(bytes);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`];
}

/** The studio in a browser, and what it must not do: requests to elsewhere, reports of its policy, errors. */
export class OpenStudio {
  readonly problems: string[] = [];

  private constructor(
    /** Of the browser, its profile and the built page; removed by `close`. */
    readonly folder: string,
    private readonly server: Server,
    readonly address: string,
    public browser: BrowserContext,
    public page: Page,
  ) {}

  /** Builds the page, serves it, and opens it in Chromium. @param hash what stands after "#" in its address. */
  static async open(hash = ""): Promise<OpenStudio> {
    const folder = await mkdtemp(join(tmpdir(), "lobule-studio-"));
    await unpackChromium(folder);
    const root = fileURLToPath(new URL("../../apps/studio", import.meta.url));
    await build({
      root,
      logLevel: "warn",
      build: { outDir: join(folder, "page"), emptyOutDir: true, sourcemap: false },
    });
    const [server, address] = await serveFolder(join(folder, "page"));
    const browser = await launch(folder, join(folder, "profile"));
    const studio = new OpenStudio(folder, server, address, browser, await browser.newPage());
    await studio.goTo(hash);
    return studio;
  }

  /** Kills the browser and starts it again; the page's files outlive it. */
  async restart(hash = ""): Promise<void> {
    await this.browser.close();
    this.browser = await launch(this.folder, join(this.folder, "profile"));
    this.page = await this.browser.newPage();
    await this.goTo(hash);
  }

  async goTo(hash: string): Promise<void> {
    const { page, problems, address } = this;
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    page.on("pageerror", ({ message }) => problems.push(message));
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(address) && !/^(blob|data):/.test(url)) problems.push(`a request to ${url}`);
    });
    await page.goto(`${address}${hash}`);
    await page.waitForSelector("main h1");
  }

  async close(): Promise<void> {
    await this.browser.close();
    this.server.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
