import { spawnSync } from "node:child_process";
import { beforeEach, describe, expect, test } from "vitest";
import { commands } from "../commands.js";
import { completionScript, type Shell, shells } from "./completion.js";

const visible = commands.filter(({ describe: text }) => text !== undefined);

/** Prints what each shell is asked to offer for the last of the words; Zsh's own part, the choice by prefix, is left out. */
const asks: Readonly<Record<Shell, (words: readonly string[]) => string>> = {
  bash: (words) =>
    `COMP_WORDS=(lobule ${quoted(words)}); COMP_CWORD=${words.length}; _lobule; printf '%s\\n' "\${COMPREPLY[@]}"`,
  zsh: (words) => `compadd() { shift; print -l -- "$@" }
_files() { print -l -- * }
words=(lobule ${quoted(words)}); CURRENT=${words.length + 1}; _lobule`,
};
const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(" ");

/** What a shell offers for the last of the words. */
function offered(shell: Shell, ...words: string[]): string[] {
  const script = completionScript(shell, visible);
  // What the completion system of Zsh defines before it loads such a script.
  const before = shell === "zsh" ? "compdef() { [[ $1 == _lobule && $2 == lobule ]] || print -u2 compdef $* }\n" : "";
  const { stdout, stderr } = spawnSync(shell, ["-c", `${before}${script}\n${asks[shell](words)}`], {
    encoding: "utf8",
    cwd: import.meta.dirname,
  });
  expect(stderr).toBe("");
  return stdout
    .trim()
    .split("\n")
    .filter((line) => line !== "" && line.startsWith(words.at(-1) ?? ""));
}

describe.each(shells)("%s offers", (shell) => {
  beforeEach((context) => {
    if (spawnSync(shell, ["-c", "true"]).status !== 0) context.skip(`${shell} is not installed here`);
  });

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
      ["--no-augment", "--no-foreground-dice", "--no-batch-dice", "--no-recompute", "--no-fast-dev-run"],
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
    const got = offered(shell, ...words);
    for (const each of offers) expect(got).toContain(each);
    if (words.at(-1) !== "") expect(got.sort()).toEqual([...offers].sort());
  });

  test("every command and every option", () => {
    const firsts = offered(shell, "");
    for (const { name, options } of visible) {
      expect(firsts).toContain(name.split(" ")[0]);
      const flags = offered(shell, ...name.split(" "), "--");
      for (const option of Object.keys(options)) expect(flags).toContain(`--${option}`);
    }
  });
});
