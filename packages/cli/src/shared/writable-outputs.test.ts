import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { list, path } from "../command-line/option.js";
import { requireOutputs } from "./writable-outputs.js";

test("an output of any command is none of its inputs, nor another output", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lobule-outputs-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "data"));
  await symlink("data", join(folder, "link"));
  await writeFile(join(folder, "a.json"), "");
  const command = {
    positionals: { runs: list(path("", "input", "RUN")) },
    options: { data: path("", "input", "DIR"), out: path("", "folder", "DIR"), "the-file": path("", "file", "FILE") },
  };
  const check = (values: Readonly<Record<string, string | string[]>>): Promise<void> =>
    requireOutputs(command, JSON.parse(JSON.stringify(values).replaceAll("@", folder)));
  await expect(check({ data: "@/data", out: "@/link" })).rejects.toThrow(
    `${folder}/link is the folder ${folder}/data itself; name another output with --out`,
  );
  await expect(check({ runs: ["@/x", "@/link/../a.json"], theFile: "@/a.json" })).rejects.toThrow(
    "a.json itself; name another output with --the-file",
  );
  await expect(check({ out: "@/new", theFile: "@/link/../new" })).rejects.toThrow("is the other output");
  await check({ runs: ["@/data"], data: "@/data", out: "@/new", theFile: "@/b.json" });
});
