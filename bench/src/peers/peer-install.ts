import { spawn } from "node:child_process";

/**
 * Installs the peers in JavaScript as their lock file says, without their install scripts: what these would download is
 * not needed.
 * @returns why it failed, in words; nothing where it worked.
 */
export async function installPeers(folder: string, npm = "npm"): Promise<string | undefined> {
  const words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--prefix", folder];
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
  const child = spawn(npm, words, { env, stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr.on("data", (bytes: Buffer) => {
    errors = (errors + bytes.toString()).slice(-4000);
  });
  return new Promise((resolve) => {
    child.once("error", () => resolve("not installed, as npm cannot be run"));
    child.once("close", (code) => resolve(code === 0 ? undefined : `not installed, npm ci failed${reason(errors)}`));
  });
}

/** The first line of npm's errors that tells what happened: not a code, and not where a log is. */
function reason(errors: string): string {
  const lines = errors.split("\n").map((line) => line.replace(/^npm (error|ERR!)\s*/, "").trim());
  const line = lines.find(
    (each) => each !== "" && !/^(code|errno|syscall|path)\b/.test(each) && !/^npm warn/i.test(each),
  );
  return line === undefined ? "" : `: ${line}`;
}
