import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { commands } from "../commands.js";
import { completionScript } from "./completion.js";

const visible = commands.filter(({ describe: text }) => text !== undefined);
const script = completionScript("bash", visible);

/** What Bash offers for the last of the words. */
function offered(...words: string[]): string[] {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const ask = `COMP_WORDS=(lobule ${quoted}); COMP_CWORD=${words.length}; _lobule; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", `${script}\n${ask}`], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
  expect(stderr).toBe("");
  return stdout
    .trim()
    .split("\n")
    .filter((line) => line !== "");
}

describe("Bash offers", () => {
  test.each<[words: string[], offers: string[]]>([
    [["tr"], ["train"]],
    [["da"], ["data"]],
    [
      ["data", ""],
      ["info", "verify"],
    ],
    [["train", "l"], ["liver"]],
    [
      ["train", "--network", "att"],
      ["attention-unet", "attention-res-unet", "attention-res-unet-plus"],
    ],
    [
      ["train", "--device", ""],
      ["gpu", "lavapipe", "swiftshader"],
    ],
    [["train", "--epo"], ["--epochs"]],
    [
      ["train", "--no-"],
      ["--no-augment", "--no-recompute", "--no-fast-dev-run"],
    ],
    [
      ["train", "--data", "completion.t"],
      ["completion.test.ts", "completion.ts"],
    ],
    [["segment", "-m", "completion.te"], ["completion.test.ts"]],
    [["data", "info", "completion.te"], ["completion.test.ts"]],
    [
      ["completion", ""],
      ["bash", "zsh"],
    ],
  ])("%j", (words, offers) => {
    const got = offered(...words);
    for (const each of offers) expect(got).toContain(each);
    if (words.at(-1) !== "") expect(got.sort()).toEqual([...offers].sort());
  });

  test("every command and every option", () => {
    const firsts = offered("");
    for (const { name, options } of visible) {
      expect(firsts).toContain(name.split(" ")[0]);
      const flags = offered(...name.split(" "), "--");
      for (const option of Object.keys(options)) expect(flags).toContain(`--${option}`);
    }
  });
});

test("the script for Zsh has every option and choice", () => {
  const zsh = completionScript("zsh", visible);
  for (const { name, options } of visible) {
    for (const [option, { choices }] of Object.entries(options)) {
      expect(zsh).toContain(`--${option}`);
      if (choices !== undefined) expect(zsh).toContain(`"${name}|--${option}") compadd -- ${choices.join(" ")} ;;`);
    }
  }
});
