import { commandText } from "@lobule/data";
import { describe, expect, test } from "vitest";
import { type Start, withCommands } from "./program.js";

const start: Start = {
  argv: ["/usr/bin/node", "/home/ann/lobule/packages/lobule/bin/lobule.js", "train"],
  argv0: "node",
  execArgv: [],
  cwd: "/home/ann/lobule",
  env: { PATH: "/usr/local/bin:/usr/bin" },
};
const words = ["train", "--resume", "runs/my liver"];

describe("a printed command begins as the program was begun", () => {
  test.each<[how: string, change: Partial<Start>, line: string]>([
    ["by node, from the checkout", {}, "node packages/lobule/bin/lobule.js"],
    ["by node, from elsewhere", { cwd: "/data" }, "node /home/ann/lobule/packages/lobule/bin/lobule.js"],
    [
      "by a node with a path and options",
      { argv0: "/opt/node 20/bin/node", execArgv: ["--max-old-space-size=8000"] },
      "'/opt/node 20/bin/node' --max-old-space-size=8000 packages/lobule/bin/lobule.js",
    ],
    ["by npx, or by a link in its folder", { argv: ["node", "/x/node_modules/.bin/lobule"] }, "npx lobule"],
    ["from the search path", { argv: ["node", "/usr/local/bin/lobule"] }, "lobule"],
    ["from the archive", { env: { LOBULE_COMMAND: "./lobule" } }, "./lobule"],
    [
      "on an adapter that was asked for",
      { env: { LOBULE_ADAPTER: "lavapipe" } },
      "LOBULE_ADAPTER=lavapipe node packages/lobule/bin/lobule.js",
    ],
  ])("%s", (_how, change, line) => {
    expect(withCommands(commandText(...words), { ...start, ...change })).toBe(`${line} train --resume 'runs/my liver'`);
  });

  test("by npm run from a folder below, in which npm does not run it", () => {
    const env = { INIT_CWD: "/home/ann/lobule/docs" };
    expect(withCommands("`lobule parity x`", { ...start, env })).toBe(
      "(cd /home/ann/lobule && node packages/lobule/bin/lobule.js parity x)",
    );
  });

  test("in messages too, where they are marked as commands", () => {
    expect(withCommands("measure it first: `lobule evaluate 'a b'`", start)).toBe(
      "measure it first: node packages/lobule/bin/lobule.js evaluate 'a b'",
    );
  });
});
