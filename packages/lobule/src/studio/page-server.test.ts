import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import { RunFolder } from "@lobule/train";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { readBuiltPage } from "./built-page.js";
import { answerGiven, lookAtGiven } from "./given-files.js";
import { type Answer, makeToken, type PageServer, servePage } from "./page-server.js";
import { get } from "./testing.js";

const html =
  '<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src \'self\'" /><p>the page</p>';
let folder: string;
let server: PageServer;
const serve = async (base = "/", answer: Answer = () => false): Promise<PageServer> => {
  server = await servePage(await readBuiltPage(join(folder, "page")), { port: 0, base, answer });
  return server;
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-page-"));
  await mkdir(join(folder, "page/assets"), { recursive: true });
  await writeFile(join(folder, "page/index.html"), html);
  await writeFile(join(folder, "page/assets/index.js"), "export {};");
  await writeFile(join(folder, "secret"), "not of the page");
});
afterEach(() => server.close());
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the page on this machine", () => {
  test("is sent with its types, and what keeps others from it", async () => {
    const { address } = await serve();
    const page = await get(address, "/?adapter=fallback");
    expect(page).toMatchObject({ status: 200, text: html });
    expect(page.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'self'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
    });
    const script = await get(address, "/assets/index.js");
    expect(script).toMatchObject({ status: 200, text: "export {};" });
    expect(script.headers["content-type"]).toBe("text/javascript; charset=utf-8");
  });

  test.each([
    "/../secret",
    "/assets/../../secret",
    "/%2e%2e/secret",
    "/..%2fsecret",
    "//secret",
    "/assets/..\\..\\secret",
    "/assets",
    "/index.html/../../secret",
    "http://127.0.0.1/secret",
  ])("nothing else is: %s", async (path) => {
    const { status, text } = await get((await serve()).address, path);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(text).not.toContain("not of the page");
  });

  test.each([
    ["a name that resolves to this machine", { host: "evil.example:4640" }, 403],
    ["a name that begins like this machine's", { host: "localhost.evil.example" }, 403],
    ["an address that is not this machine's own", { host: "0.0.0.0:4640" }, 403],
    ["another page", { origin: "http://evil.example" }, 403],
    ["another server of this machine", { origin: "http://127.0.0.1:1" }, 403],
    ["a page without an origin", { origin: "null" }, 403],
    ["an element of another page", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }, 403],
    ["a request to write", { method: "POST" }, 405],
    ["a request to look ahead", { method: "OPTIONS" }, 405],
  ])("refuses %s", async (_, headers, status) => {
    const { address } = await serve();
    expect((await get(address, "/", headers)).status).toBe(status);
  });

  test("answers the other name of this machine, as through a tunnel with a port of its own", async () => {
    const { address } = await serve();
    const tunnel = { host: "localhost:9000", origin: "http://localhost:9000" };
    expect((await get(address, "/", tunnel)).status).toBe(200);
  });

  test("below a token is for those who have it", async () => {
    const token = makeToken();
    const { address } = await serve(`/${token}/`);
    expect(new URL(address).pathname).toBe(`/${token}/`);
    expect((await get(address, `/${token}/`)).text).toBe(html);
    for (const path of [
      "/",
      "/index.html",
      "/assets/index.js",
      `/${makeToken()}/`,
      `/${token.slice(1)}x/`,
      `/${token}`,
    ])
      expect(await get(address, path)).toMatchObject({ status: 403 });
  });

  test("a port that another program has is named", async () => {
    const { address } = await serve();
    const port = Number(new URL(address).port);
    await expect(
      servePage(await readBuiltPage(join(folder, "page")), { port, base: "/", answer: () => false }),
    ).rejects.toThrow(`port ${port} cannot be opened: another program has it; name another, or 0 for a free one`);
  });
});

test("a page that is not built: one sentence says which command builds it", async () => {
  await serve();
  await expect(readBuiltPage(join(folder, "nowhere"))).rejects.toThrow(
    `the studio's page is not built: ${join(folder, "nowhere")} has none; build it with: npm run build:studio`,
  );
});

describe("what the page is opened with", () => {
  const run = (): string => join(folder, "liver");
  beforeAll(async () => {
    await RunFolder.create(nodeStorage, run(), {
      config: { epochs: 1 },
      split: { training: ["a"], validation: ["b"] },
      environment: {},
    });
    await mkdir(join(run(), "checkpoints"));
    await writeFile(join(run(), "checkpoints/best.safetensors"), "weights");
    await writeFile(join(run(), "run.lock"), "a process");
    await symlink(join(folder, "secret"), join(run(), "link"));
  });

  test("a run is listed and given whole to those who know the token, but for its lock and links", async () => {
    const token = makeToken();
    const given = await lookAtGiven(nodeStorage, run());
    const { address } = await serve("/", answerGiven(nodeStorage, given, token));
    const list = JSON.parse((await get(address, `/given/${token}/files.json`)).text) as {
      files: readonly { readonly path: string; readonly size: number }[];
    };
    expect(list).toMatchObject({ kind: "run", name: "liver" });
    const paths = list.files.map(({ path }) => path);
    expect(paths).toEqual(["checkpoints/best.safetensors", "config.json", "environment.json", "split.json"]);
    expect((await get(address, `/given/${token}/0`)).text).toBe("weights");
    for (const path of [
      `/given/${makeToken()}/files.json`,
      "/given//files.json",
      "/given/files.json",
      `/given/${token}/4`,
      `/given/${token}/-1`,
      `/given/${token}/../../secret`,
      `/given/${token}/0/..`,
    ])
      expect(await get(address, path), path).toMatchObject({ status: 404 });
  });

  test.each([
    ["what is not there", "nothing", /nothing: there is no such file or folder; name a run folder or a scan/],
    ["a folder that is no run", "page", /page is no run folder|page.*run/],
    ["a file that is no scan", "secret", /secret is neither a run folder nor a scan; name one, or a file that ends/],
  ])("%s is refused in one sentence", async (_, name, message) => {
    await serve();
    await expect(lookAtGiven(nodeStorage, join(folder, name))).rejects.toThrow(message);
  });
});
