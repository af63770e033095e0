import { type ChildProcess, spawn } from "node:child_process";
import { copyFile, cp, readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { get } from "../../packages/lobule/src/studio/testing.js";
import { type CopiedCommand, copyCommand } from "../../packages/lobule/src/testing/copied-command.js";
import { runScript } from "../../packages/lobule/src/testing/run-command.js";
import { buildPage, OpenStudio } from "./open-studio.js";

/** Starts the command; resolves once it has printed an address. */
async function started(command: CopiedCommand, ...words: readonly string[]): Promise<[ChildProcess, string]> {
  const child = spawn(process.execPath, [command.script, ...words], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (bytes: Buffer) => {
      out += bytes.toString();
      const found = /http:\/\/127\.0\.0\.1:\d+\/\S*/.exec(out);
      if (found !== null) resolve(found[0]);
    });
    child.once("exit", () => reject(new Error(`it ended: ${out}`)));
  });
  return [child, address];
}

const ended = (child: ChildProcess): Promise<unknown> =>
  child.exitCode === null ? new Promise((resolve) => child.once("exit", resolve)) : Promise.resolve(child.exitCode);

describe.runIf(platform() === "linux" && arch() === "x64")("the command and the page", { timeout: 600_000 }, () => {
  let command: CopiedCommand;
  let data: string;
  const path = (name: string): string => join(command.folder, name);
  const training = (out: string): string[] => [
    ...["train", "--data", data, "--out", path(out), "--size", "16", "--base-features", "1", "--depth", "1"],
    ...["--batch", "2", "--epochs", "40", "--seed", "3"],
  ];
  beforeAll(async () => {
    command = await copyCommand();
    await buildPage(command.page);
    data = path("phantom");
    expect(
      await runScript(command.script, ["phantom", data, "--cases", "4", "--size", "16", "--slices", "4", "4"]),
    ).toMatchObject({ code: 0 });
  });
  afterAll(() => command.remove());

  test("a run is watched while it trains, and trains to the bytes that it has without", async () => {
    expect(await runScript(command.script, training("alone"))).toMatchObject({ code: 0 });
    const watched: { child?: ChildProcess; deaf?: Socket } = {};
    const studio = await OpenStudio.open("#live", {
      at: async () => {
        const [child, address] = await started(command, ...training("watched"), "--dashboard");
        watched.child = child;
        const { origin, pathname, port, hostname } = new URL(address);
        // One that never reads what it is sent.
        const deaf = connect(Number(port), hostname);
        watched.deaf = deaf;
        deaf.on("error", () => undefined);
        deaf.write(`GET ${pathname}live HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
        deaf.pause();
        for (const other of ["/", "/index.html", "/live", "/given/x/files.json"])
          expect(await get(address, other), other).toMatchObject({ status: 403 });
        return `${origin}${pathname}`;
      },
    });
    try {
      await expect.poll(() => studio.page.locator("h1").textContent(), { timeout: 120_000 }).toBe("watched");
      await expect
        .poll(() => studio.page.locator("main").textContent(), { timeout: 300_000 })
        .toMatch(/Trained: (all epochs are done|ended early)/);
      expect(await studio.page.getByRole("navigation").count()).toBe(0);
      expect(watched.child && (await ended(watched.child))).toBe(0);
      await expect
        .poll(() => studio.page.locator("main").textContent())
        .toMatch(/The process that trained it has ended/);
      // The browser itself tells of the connection that ended.
      expect(studio.problems.filter((problem) => !problem.includes("ERR_"))).toEqual([]);
    } finally {
      watched.deaf?.destroy();
      await studio.close();
    }
    const bytesOf = (run: string): Promise<Buffer> => readFile(path(`${run}/checkpoints/last.safetensors`));
    expect((await bytesOf("watched")).equals(await bytesOf("alone"))).toBe(true);
  });

  test("a run that the page is opened with is a model there, once", async () => {
    await cp(path("alone"), path("liver"), { recursive: true });
    const [child, address] = await started(command, "studio", path("liver"), "--port", "0");
    const studio = await OpenStudio.open(new URL(address).search, { at: () => `${new URL(address).origin}/` });
    const { page } = studio;
    try {
      await expect
        .poll(() => page.locator(".notices").textContent(), { timeout: 60_000 })
        .toContain("The run liver was copied");
      expect(new URL(page.url()).search).toBe("");
      await page.getByRole("button", { name: "Open the example scan" }).click();
      await expect
        .poll(() => page.locator("select option:checked").allTextContents(), { timeout: 60_000 })
        .toContain("liver (run)");
      await studio.goTo(new URL(address).search);
      await expect
        .poll(() => page.locator(".notices").textContent(), { timeout: 60_000 })
        .toContain("liver is in this browser already");
      await page.getByRole("link", { name: "Compare" }).click();
      await expect.poll(() => page.locator("main").textContent(), { timeout: 60_000 }).toContain("liver");
      expect(await page.locator("main").textContent()).not.toContain("liver-2");
      expect(studio.problems).toEqual([]);
    } finally {
      child.kill("SIGINT");
      await studio.close();
    }
    expect(await ended(child)).toBe(0);
  });

  test("a scan that the page is opened with is shown, and a token of another start opens nothing", async () => {
    const scan = join(data, "imagesTr/phantom_001.nii.gz");
    const [child, address] = await started(command, "studio", scan, "--port", "0");
    const children = [child];
    const { port } = new URL(address);
    const studio = await OpenStudio.open(new URL(address).search, { at: () => `${new URL(address).origin}/` });
    const { page } = studio;
    try {
      await expect.poll(() => page.locator("canvas").count(), { timeout: 60_000 }).toBeGreaterThan(2);
      expect(studio.problems).toEqual([]);
      await studio.goTo("?given=another");
      await expect
        .poll(() => page.locator(".notices").textContent(), { timeout: 60_000 })
        .toContain("open the address that it prints");
      child.kill("SIGINT");
      expect(await ended(child)).toBe(0);

      // Another scan of that name, which the browser keeps beside the first.
      await copyFile(join(data, "imagesTr/phantom_002.nii.gz"), path("phantom_001.nii.gz"));
      const [other, next] = await started(command, "studio", path("phantom_001.nii.gz"), "--port", port);
      children.push(other);
      await studio.goTo(new URL(next).search);
      await page.getByRole("button", { name: "phantom_001-2", pressed: true }).waitFor();
    } finally {
      for (const each of children) each.kill("SIGINT");
      await studio.close();
    }
    for (const each of children) expect(await ended(each)).toBe(0);
  });
});
