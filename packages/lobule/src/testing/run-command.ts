import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Sees all that a process has written so far, and can end it. */
export type OnText = (text: string, kill: (signal: NodeJS.Signals) => void) => void;

export const builtCommand = fileURLToPath(new URL("../../bin/lobule.js", import.meta.url));

/** Runs the built command. */
export const runCommand = (words: readonly string[], onText?: OnText): Promise<Ended> =>
  runScript(builtCommand, words, onText);

/** Runs a script of Node's in a process of its own. */
export function runScript(script: string, words: readonly string[], onText?: OnText): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    const texts = { out: "", err: "" };
    let killed = false;
    const kill = (signal: NodeJS.Signals): void => {
      if (!killed) child.kill(signal);
      killed = true;
    };
    const reading = (name: keyof typeof texts) => (bytes: Buffer) => {
      texts[name] += bytes.toString();
      onText?.(texts.out + texts.err, kill);
    };
    child.stdout.on("data", reading("out"));
    child.stderr.on("data", reading("err"));
    child.on("close", (code) => resolve({ code, ...texts }));
  });
}

/** Why what starts many processes that compute is not tested on the embedded adapter. */
export const slowHere = "on SwiftShader, which compiles every kernel anew in each process, it takes most of an hour";
