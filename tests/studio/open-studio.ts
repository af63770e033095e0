import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { BrowserContext, Page } from "playwright-core";
import { readBuiltPage } from "../../packages/lobule/src/studio/built-page.js";
import { type Answer, type PageServer, servePage } from "../../packages/lobule/src/studio/page-server.js";
import { launch, unpackChromium } from "../browser/chromium.js";

/** Milliseconds that an action waits for the page: a busy machine takes long for each. */
const patience = 180_000;

/** How the page is opened. */
export interface OpenOptions {
  /** What the server has besides the page. */
  readonly answer?: Answer;
  /** Whether the server stays; else the page has to do without it once it is loaded. */
  readonly online?: boolean;
  /** The address of a page that another serves, asked for once the browser is up: what it shows may not last. */
  readonly at?: () => Promise<string> | string;
  /** Whether the browser has an adapter. */
  readonly gpu?: boolean;
}

/**
 * The studio in a browser, and what it must not do: requests to elsewhere, reports of its policy, errors. It is served as
 * the command serves it, and once it is loaded there is no server any more.
 */
export class OpenStudio {
  readonly problems: string[] = [];

  private constructor(
    /** Of the browser, its profile and the built page; removed by `close`. */
    readonly folder: string,
    readonly server: PageServer,
    public browser: BrowserContext,
    public page: Page,
  ) {}

  /** Builds the page, serves it, and opens it in Chromium. @param hash what stands after "#" in its address. */
  static async open(
    hash = "",
    { answer = () => false, online = false, at, gpu = true }: OpenOptions = {},
  ): Promise<OpenStudio> {
    const folder = await mkdtemp(join(tmpdir(), "lobule-studio-"));
    await unpackChromium(folder);
    const browser = await launch(folder, join(folder, "profile"), gpu);
    const page = await browser.newPage();
    const server = at === undefined ? await serveBuilt(join(folder, "page"), answer) : elsewhere(await at());
    const studio = new OpenStudio(folder, server, browser, page);
    await studio.goTo(hash);
    if (!online && at === undefined) await studio.cutNetwork();
    return studio;
  }

  get address(): string {
    return this.server.address;
  }

  /** Ends the server once the browser has the whole page. */
  async cutNetwork(): Promise<void> {
    await this.page.evaluate(async () => {
      const { serviceWorker } = navigator;
      if (serviceWorker.controller === null)
        await new Promise((found) => serviceWorker.addEventListener("controllerchange", found, { once: true }));
    });
    await this.server.close();
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
    page.setDefaultTimeout(patience);
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
    await this.server.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Builds the page into a folder, in a process of its own: that of tests is none of production. */
export async function buildPage(outDir: string): Promise<void> {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const words = ["build", "apps/studio", "--outDir", outDir, "--logLevel", "error"];
  const env = { ...process.env, NODE_ENV: "production" };
  await promisify(execFile)(process.execPath, [join(root, "node_modules/vite/bin/vite.js"), ...words], {
    cwd: root,
    env,
  });
}

async function serveBuilt(folder: string, answer: Answer): Promise<PageServer> {
  await buildPage(folder);
  return servePage(await readBuiltPage(folder), { port: 0, base: "/", answer });
}

const elsewhere = (address: string): PageServer => ({ address, close: async () => undefined });
