import type { PartCommand } from "./part.js";

/** This program with other words. */
export const lobule = (words: readonly string[], environment: Readonly<Record<string, string>> = {}): PartCommand => ({
  name: "lobule",
  file: process.execPath,
  start: [...process.execArgv, process.argv[1] ?? ""],
  words,
  environment,
});
