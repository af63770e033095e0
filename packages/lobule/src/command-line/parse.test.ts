import { describe, expect, test } from "vitest";
import { commands } from "../commands.js";
import type { Command, Options } from "./command.js";
import type { Option } from "./option.js";
import { parseCommandLine } from "./parse.js";
import { UsageError } from "./usage-error.js";

const parse = (...words: string[]) => parseCommandLine(words, commands);

const takes = (option: Option, word: string): boolean => {
  try {
    option.read([word], "it");
    return true;
  } catch {
    return false;
  }
};
/** Words that an option or positional takes as they are. */
const goodWords = (option: Option): string[] => {
  const word = option.choices?.[0] ?? ["16", "1", "0.5"].find((each) => takes(option, each)) ?? "";
  return option.words === 0 ? [] : option.words === 2 ? [word, word] : [word];
};
const requiredOf = (options: Options): [string, Option][] =>
  Object.entries(options).filter(([, { required }]) => required === true);
/** The least that a command takes, without one of its options. */
const least = ({ name, positionals, options }: Command, without: string): string[] => [
  ...name.split(" "),
  ...requiredOf(positionals).flatMap(([, option]) => goodWords(option)),
  ...requiredOf(options).flatMap(([each, option]) => (each === without ? [] : [`--${each}`, ...goodWords(option)])),
];

const every = commands.flatMap((command) =>
  Object.entries(command.options).map(([name, option]) => ({
    command,
    name,
    option,
    title: `${command.name} --${name}`,
  })),
);

describe.each(every)("$title", ({ command, name, option }) => {
  const start = least(command, name);
  const given = (...words: string[]) => parse(...start, ...words);

  test("is taken once, with as many words as it needs", () => {
    const { needs } = option;
    const besides = needs === undefined ? [] : [`--${needs}`, ...goodWords(command.options[needs] as Option)];
    expect(given(...besides, `--${name}`, ...goodWords(option))).toMatchObject({ kind: "run" });
    if (option.words === "several") return;
    if (option.repeatable === true) {
      const words = goodWords(option);
      const [value = ""] = words;
      const read = words.length === 1 ? value : words.map(Number);
      const twice = given(`--${name}`, ...words, `--${name}`, ...words);
      expect(twice).toMatchObject({ values: { [name]: [read, read] } });
      return;
    }
    expect(() => given(`--${name}`, ...goodWords(option), `--${name}`, ...goodWords(option))).toThrow(
      `--${name} is given twice; give it once`,
    );
  });

  if (option.words === "number")
    test("is taken with a number or without one, and refused with a wrong one", () => {
      for (const words of [[], ["1234"], ["--json"]])
        expect(given(`--${name}`, ...words)).toMatchObject({ kind: "run" });
      expect(() => given(`--${name}=`)).toThrow(`--${name} needs a value, got an empty one`);
      for (const wrong of ["0x10", "1,5", "70000"])
        expect(() => given(`--${name}`, wrong)).toThrow(
          `--${name} needs a whole number from 1 up to 65535, got '${wrong}'`,
        );
    });

  if (option.words === "choice")
    test("is taken with a choice, without one and as --no-, and refused with a wrong one", () => {
      for (const words of [[`--${name}`], [`--${name}`, "--verbose"], [`--no-${name}`]])
        expect(given(...words)).toMatchObject({ kind: "run" });
      expect(given(`--no-${name}`)).toMatchObject({ values: { [name]: false } });
      expect(() => given(`--${name}=`)).toThrow(`--${name} needs a value, got an empty one`);
      expect(() => given(`--${name}=other`)).toThrow(`--${name} is one of ${option.choices?.join(", ")}, got 'other'`);
      expect(() => given(`--no-${name}=other`)).toThrow(`--no-${name} takes no value, got 'other'`);
    });

  if (option.words !== 0 && option.words !== "number" && option.words !== "choice")
    test("is refused by name without a value, with an empty one, with a wrong one", () => {
      expect(() => given(`--${name}`)).toThrow(new RegExp(`^--${name} needs (a value|two values), got none`));
      expect(() => given(`--${name}`, "--json")).toThrow(`--${name} needs`);
      expect(() => given(`--${name}`, "", "")).toThrow(`--${name} needs a value, got an empty one`);
      const free = option.choices === undefined && !/^(N|X|HU|SIZE)$/.test(option.placeholder ?? "");
      if (free) return;
      for (const wrong of ["one?", "0x10", "Infinity", "1,5", "NaN"]) {
        expect(() => given(`--${name}`, ...goodWords(option).fill(wrong))).toThrow(UsageError);
        expect(() => given(`--${name}`, ...goodWords(option).fill(wrong))).toThrow(
          new RegExp(`^--${name} .*, got '${wrong.replace("?", "\\?")}'`),
        );
      }
    });

  if (option.words === 0)
    test("is refused with a value, and as --no- where that says nothing", () => {
      expect(() => given(`--${name}=yes`)).toThrow(`--${name} takes no value, got 'yes'`);
      if (option.negatable === true) expect(given(`--no-${name}`)).toMatchObject({ kind: "run" });
      else expect(() => given(`--no-${name}`)).toThrow(`leave out --${name}`);
    });

  test("is suggested where it is nearly written, and its choices are", () => {
    const wrong = `${name.slice(0, -1)}${name.endsWith("x") ? "y" : "x"}`;
    if (name.length > 3) expect(() => given(`--${wrong}`)).toThrow(/has no option .*; did you mean --/);
    for (const choice of option.choices ?? []) {
      if (choice.length > 3 && !takes(option, choice.slice(0, -1)))
        expect(() => given(`--${name}`, choice.slice(0, -1))).toThrow(/; did you mean /);
    }
  });
});

describe("the words of a command line", () => {
  test.each<[words: string[], message: string]>([
    [[], "name a command; --help lists them"],
    [["trian"], "there is no command 'trian'; did you mean 'train'?"],
    [["quux"], "there is no command 'quux'; --help lists them"],
    [["data"], "'data' needs one of info, verify, convert, from-images, augmentations after it"],
    [["data", "verfy", "x"], "got 'verfy'; did you mean 'data verify'?"],
    [["--size", "3"], "the command comes first, got --size"],
    [["evaluate"], "'evaluate' needs RUN: run folder"],
    [["evaluate", "a", "b"], "'evaluate' takes no further argument, got 'b'"],
    [["evaluate", ""], "RUN needs a value, got an empty one"],
    [["segment", "a.nii", "-o", "b"], "'segment' needs --model RUN"],
    [["train", "livr"], "PRESET is one of liver, vessel, auto, got 'livr'; did you mean liver?"],
    [["train", "--augment", "strong"], "--augment takes one of light, nnunet, or nothing, got 'strong'"],
    [["train", "--augment", "livr"], "PRESET is one of liver, vessel, auto, got 'livr'; did you mean liver?"],
    [["plan", "d", "--augment", "strong"], "--augment takes one of light, nnunet, or nothing, got 'strong'"],
    [
      ["train", "--normalization", "image", "foreground"],
      "--normalization takes one value each time that it is given: repeat it for more, got 'foreground'",
    ],
    [["train", "--window", "0", "1", "2", "3"], "--window takes 2 values each time that it is given"],
    [
      ["train", "--normalization", "image", "livr"],
      "PRESET is one of liver, vessel, auto, got 'livr'; did you mean liver?",
    ],
    [["train", "--dashboard", "here"], "--dashboard takes a number, or nothing, got 'here'"],
    [["train", "--window", "5"], "--window needs two values, got 1: --window HU HU"],
    [["train", "--tune-budget", "5"], "--tune-budget has no effect without --tune"],
    [["train", "--profile", "t.json", "--out", "r"], "--profile cannot go with --out: a profile makes no run"],
    [["train", "--fast-dev-run", "--epochs", "3"], "--fast-dev-run cannot go with --epochs: such a run has one epoch"],
  ])("%j: %s", (words, message) => {
    expect(() => parse(...words)).toThrow(message);
  });

  test("values may be negative, joined by =, and begin with a dash after it", () => {
    expect(parse("train", "--window", "-160", "240", "--lr=1e-3")).toMatchObject({
      values: { window: [-160, 240], lr: 0.001 },
    });
    expect(parse("evaluate", "--out=-x", "--", "-run")).toMatchObject({ values: { out: "-x", run: "-run" } });
  });

  test("--verbose may come before the command too", () => {
    expect(parse("--verbose", "data", "verify", "x")).toMatchObject({
      kind: "run",
      verbose: true,
      values: { dir: "x" },
    });
    expect(() => parse("--verbose", "trian")).toThrow("there is no command 'trian'");
  });

  test("what follows an option that needs no choice belongs to it where it is one, or nearly one", () => {
    const augment = (...words: string[]) => parse("train", ...words);
    expect(augment("--augment", "liver")).toMatchObject({ values: { preset: "liver", augment: "light" } });
    expect(augment("--augment", "nnunet", "liver")).toMatchObject({ values: { preset: "liver", augment: "nnunet" } });
    expect(() => augment("--augment", "nnnet")).toThrow(
      "--augment is one of light, nnunet, got 'nnnet'; did you mean nnunet?",
    );
  });

  test("a list may be given in parts", () => {
    expect(parse("train", "--class-weights", "1", "2", "--class-weights", "3")).toMatchObject({
      values: { classWeights: [1, 2, 3] },
    });
  });

  test("help is shown whatever else is there", () => {
    expect(parse("segment", "--help")).toMatchObject({ kind: "help", prefix: "segment" });
    expect(parse("data", "--help")).toMatchObject({ kind: "help", prefix: "data" });
  });
});
