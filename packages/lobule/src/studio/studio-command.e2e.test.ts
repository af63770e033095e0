import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CopiedCommand, copyCommand } from "../testing/copied-command.js";
import { runScript } from "../testing/run-command.js";
import { get } from "./testing.js";

let command: CopiedCommand;
beforeAll(async () => {
  command = await copyCommand();
});
afterAll(() => command.remove());

test("without the page, one sentence says which command builds it", async () => {
  const { code, err } = await runScript(command.script, ["studio"]);
  expect(code).toBe(1);
  expect(err).toContain("the studio's page is not built");
  expect(err).toContain("build it with: npm run build:studio");
});

test("serves the page with a scan at the address that it prints, until Ctrl-C", async () => {
  await mkdir(command.page);
  const html = '<meta http-equiv="Content-Security-Policy" content="default-src \'self\'" />';
  await writeFile(join(command.page, "index.html"), html);
  const scans = join(command.folder, "phantom");
  const made = await runScript(command.script, [
    "phantom",
    scans,
    "--cases",
    "3",
    "--size",
    "16",
    "--slices",
    "3",
    "3",
  ]);
  expect(made.code).toBe(0);
  const scan = join(scans, "imagesTr/phantom_001.nii.gz");
  const child = spawn(process.execPath, [command.script, "studio", scan, "--port", "0"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let out = "";
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (bytes: Buffer) => {
      out += bytes.toString();
      const found = /http:\/\/127\.0\.0\.1:\d+\/\?given=[\w-]{32}/.exec(out);
      if (found !== null) resolve(found[0]);
    });
    child.once("exit", () => reject(new Error(out)));
  });
  expect(await get(address, "/")).toMatchObject({ status: 200, text: html });
  const token = new URL(address).searchParams.get("given");
  const list = JSON.parse((await get(address, `/given/${token}/files.json`)).text);
  expect(list).toMatchObject({ kind: "scan", name: "phantom_001.nii.gz", files: [{ path: "phantom_001.nii.gz" }] });
  child.kill("SIGINT");
  expect(await ended).toBe(0);
  await expect(get(address, "/")).rejects.toThrow("ECONNREFUSED");
});
