import { spawn } from "node:child_process";

/** Lines of its output that an error shows. */
const shownLines = 30;

/**
 * Runs a program to its end.
 * @returns what it printed on the output stream.
 * @throws Error when it fails; the message has the end of all it printed.
 */
export function run(program, words, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"], ...options });
    let [output, all] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      all += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      all += text;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(output);
      else {
        const end = all.trimEnd().split("\n").slice(-shownLines).join("\n");
        reject(new Error(`${[program, ...words].join(" ")} ended with ${code}:\n${end}`));
      }
    });
  });
}
