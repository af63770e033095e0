// The whole loop on a synthetic task: phantom → verify → train → evaluate → segment → report. Needs no GPU and no data.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname ?? ".", "..");
const lobule = join(root, "packages/lobule/bin/lobule.js");
const folder = resolve(process.argv[2] ?? join(root, "demo"));
const [data, run, labels] = ["data", "run", "labels"].map((name) => join(folder, name));
const started = performance.now();

/** Which kind of adapter this machine has; what is wrong with it the first command will say. */
function adapterKind() {
  const { stdout } = spawnSync(process.execPath, [lobule, "doctor", "--json"], { encoding: "utf8" });
  try {
    return JSON.parse(stdout).adapter.kind;
  } catch {
    return "unknown";
  }
}
const slow = adapterKind() === "swiftshader";
if (slow) {
  console.log(
    `This machine's best adapter is SwiftShader, slower than lavapipe: a shorter training, with a
lower Dice. For the whole one install lavapipe (on Debian 12: sudo tools/install-lavapipe.sh).`,
  );
}

const steps = [
  ["A synthetic liver task", ["phantom", data, "--cases", "24", "--size", "80", "--slices", "14", "22", "--seed", "7"]],
  ["Is it sound?", ["data", "verify", data]],
  [
    "Train",
    [
      "train",
      "--data",
      data,
      "--out",
      run,
      "--cache",
      join(folder, "slices"),
      "--config",
      join(root, "tools/demo.json"),
      ...(slow ? ["--epochs", "5", "--size", "64"] : []),
    ],
  ],
  ["Measure on cases that it was not trained on", ["evaluate", run]],
  ["Segment new scans", ["segment", join(data, "imagesTs"), "-m", run, "-o", labels, "--preview"]],
];

// What an earlier demo left is replaced; another folder is not touched.
if (existsSync(folder)) {
  if (existsSync(join(folder, "data", "phantom.json"))) rmSync(folder, { recursive: true });
  else {
    console.error(`demo: ${folder} is there and holds no demo; name another folder: npm run demo -- FOLDER`);
    process.exit(1);
  }
}
for (const [title, words] of steps) {
  console.log(`\n# ${title}\nlobule ${words.join(" ").replaceAll(`${root}/`, "")}`);
  const { status, signal } = spawnSync(process.execPath, [lobule, ...words], { stdio: "inherit" });
  if (status !== 0) {
    console.error(`demo: 'lobule ${words[0]}' ended with ${signal ?? `exit code ${status}`}`);
    process.exit(status ?? 1);
  }
}
const minutes = (performance.now() - started) / 60_000;
console.log(
  `\nDone in ${minutes.toFixed(1)} minutes. Report: ${join(run, "report.html")}\nLabels and pictures: ${labels}`,
);
