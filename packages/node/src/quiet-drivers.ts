import { closeSync, openSync } from "node:fs";

/** The number of the error stream. */
const stderr = 2;

/** The system's calls on open files. */
interface FileCalls {
  dup(file: number): number;
  dup2(file: number, as: number): number;
}

/** Undefined where they cannot be called: on other systems than Linux, or where koffi has no build for this one. */
async function fileCalls(): Promise<FileCalls | undefined> {
  if (process.platform !== "linux") return undefined;
  try {
    const { default: koffi } = await import("koffi");
    const library = koffi.load(null);
    const [dup, dup2] = [library.func("int dup(int)"), library.func("int dup2(int, int)")];
    return { dup: (file) => Number(dup(file)), dup2: (file, as) => Number(dup2(file, as)) };
  } catch {
    return undefined;
  }
}

/**
 * Does work during which drivers and other native code write to the error stream for nobody: Dawn and the Vulkan loader
 * warn of limits and of adapters that are passed over while they look for one, and have no setting for it. What is wrong
 * with an adapter comes as an error of the work. Nothing else may print meanwhile; where the calls for it are missing the
 * work is done all the same.
 */
export async function withQuietDrivers<Result>(work: () => Promise<Result>): Promise<Result> {
  const calls = await fileCalls();
  const before = calls?.dup(stderr) ?? -1;
  if (calls === undefined || before < 0) return work();
  try {
    const nowhere = openSync("/dev/null", "w");
    calls.dup2(nowhere, stderr);
    closeSync(nowhere);
    return await work();
  } finally {
    calls.dup2(before, stderr);
    closeSync(before);
  }
}
