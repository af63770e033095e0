// Kills training runs at named and at random moments, resumes them until they end, and compares them with a run that
// was never stopped.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const lobule = fileURLToPath(new URL("../../packages/lobule/bin/lobule.js", import.meta.url));
const hook = new URL("./kill-hook.mjs", import.meta.url).href;

/** Milliseconds after which a process counts as stuck. */
const patience = 180_000;

const settings = [
  "--size",
  "16",
  "--base-features",
  "1",
  "--depth",
  "1",
  "--batch",
  "2",
  "--epochs",
  "3",
  "--checkpoint-every",
  "3",
  "--lr",
  "0.01",
];

/**
 * Moments in the order in which a run comes to them: an operation on a file of the run's or the cache's folder, or a
 * text on one of its outputs.
 */
const named = [
  { name: "decode", file: "^mkdir cache", how: "later", delay: 60 },
  { name: "folder made", file: "^write run/.*partial", how: "half" },
  { name: "config written", file: "^rename run/config\\.json", how: "after" },
  { name: "announced", text: /^run folder /m },
  { name: "first checkpoint half-written", file: "^write run/checkpoints/", how: "half" },
  { name: "first step", text: /^first steps done/m },
  { name: "checkpoint announced", file: "^rename run/checkpoints\\.json", how: "after", nth: 2 },
  { name: "mid-epoch", file: "^rename run/checkpoints/last", how: "after", nth: 2 },
  { name: "checkpoint half-written", file: "^write run/checkpoints/", how: "half", nth: 3 },
  { name: "validation", text: /^validating /m },
  { name: "record written", file: "^rename run/metrics\\.jsonl", how: "before" },
  { name: "report", file: "^rename run/report\\.html", how: "before" },
];

/** Runs that are stopped at the named moments to begin with. */
const runsOfNamed = 4;

/** A moment that is left to chance: an operation on a file, a full disk from one on, or a time. */
function randomMoment(random, operations, duration) {
  const nth = 1 + Math.floor(random() * operations);
  const chance = random();
  if (chance < 0.35) return { name: "time", after: random() * duration };
  if (chance < 0.45) {
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    return { name: "signal", after: random() * duration, signal: signals[Math.floor(random() * signals.length)] };
  }
  if (chance < 0.6) return { name: "full disk", file: "^(?!remove)", how: "full", nth };
  return { name: "operation", file: "", how: ["before", "after", "half"][Math.floor(random() * 3)], nth };
}

/** Runs the command up to a moment, if it comes to it. */
function run(words, root, moment) {
  const plan = {
    root,
    match: moment?.file ?? "^$",
    nth: moment?.nth ?? 1,
    how: moment?.how,
    delay: moment?.delay,
    trace: moment?.trace,
  };
  const hooked = moment?.file !== undefined || moment?.trace !== undefined;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...(hooked ? ["--import", hook] : []), lobule, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...(hooked ? { LOBULE_TORTURE: JSON.stringify(plan) } : {}) },
    });
    const timers = [];
    let [said, errors, stuck] = ["", "", false];
    const hear = (bytes) => {
      said += bytes.toString();
      if (moment?.text?.test(said)) child.kill("SIGKILL");
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", (bytes) => {
      errors += bytes.toString();
      hear(bytes);
    });
    if (moment?.after !== undefined) {
      timers.push(setTimeout(() => child.kill(moment.signal ?? "SIGKILL"), moment.after));
    }
    timers.push(
      setTimeout(() => {
        stuck = true;
        child.kill("SIGKILL");
      }, patience),
    );
    child.on("close", (code, signal) => {
      for (const timer of timers) clearTimeout(timer);
      resolve({ code, signal, stuck, errors });
    });
  });
}

const withoutTimes = (text) =>
  text
    .trim()
    .split("\n")
    .map((line) => {
      const { seconds: _s, slicesPerSecond: _p, waitedShare: _w, ...rest } = JSON.parse(line);
      return JSON.stringify(rest);
    })
    .join("\n");

/** What must be the same of every run. */
async function resultOf(directory) {
  const text = (name) => readFile(join(directory, name), "utf8");
  const [best, last] = await Promise.all(
    ["best", "last"].map((kind) => readFile(join(directory, "checkpoints", `${kind}.safetensors`), "base64")),
  );
  const report = existsSync(join(directory, "report.html")) ? "there" : "missing";
  const [metrics, split, workload] = [
    withoutTimes(await text("metrics.jsonl")),
    await text("split.json"),
    await text("workload.json"),
  ];
  const left = [...(await readdir(directory)), ...(await readdir(join(directory, "checkpoints")))];
  const files = left.filter((name) => name.startsWith(".") || name === "run.lock").join(" ");
  return { best, last, metrics, split, workload, report, files };
}

export class KillCampaign {
  constructor(root, whole, operations, duration) {
    this.root = root;
    this.whole = whole;
    this.operations = operations;
    this.duration = duration;
    this.kills = new Map(named.map(({ name }) => [name, 0]));
    this.runs = 0;
    this.failures = [];
  }

  /** Trains a run that is not stopped. */
  static async begin() {
    const root = await mkdtemp(join(tmpdir(), "lobule-kills-"));
    const data = join(root, "data");
    await run(["phantom", data, "--cases", "4", "--size", "16", "--slices", "3", "4", "--seed", "2"], root);
    const campaign = new KillCampaign(root, undefined, 0, 0);
    const folder = join(root, "whole");
    await mkdir(folder);
    const trace = join(root, "trace");
    const started = performance.now();
    const { code, errors } = await run(campaign.command(folder), folder, { trace });
    if (code !== 0) throw new Error(`the run that is not stopped ended with ${code}: ${errors}`);
    campaign.duration = performance.now() - started;
    campaign.operations = readFileSync(trace, "utf8").split("\n").length;
    campaign.whole = await resultOf(join(folder, "run"));
    return campaign;
  }

  command(folder) {
    const way = existsSync(join(folder, "run", "config.json"))
      ? ["--resume", join(folder, "run")]
      : ["--data", join(this.root, "data"), "--out", join(folder, "run"), ...settings];
    return ["train", ...way, "--cache", join(folder, "cache"), "--workers", "1"];
  }

  /** Stops a run at each of the moments, as far as it comes to them, lets it end, and compares it. */
  async trial(moments) {
    const folder = join(this.root, `trial-${this.runs++}`);
    await mkdir(folder);
    const story = [];
    const fail = (what) => this.failures.push(`${story.join(", ")}: ${what} (${folder})`);
    for (const moment of [...moments, undefined]) {
      const { code, signal, stuck, errors } = await run(this.command(folder), folder, moment);
      if (moment !== undefined) story.push(moment.nth === undefined ? moment.name : `${moment.name} ${moment.nth}`);
      if (stuck) return fail("stuck");
      if (/\n\s+at /.test(errors)) return fail(`a stack trace: ${errors}`);
      if (code === 0) break;
      const expected = signal !== null || code >= 128 || (moment?.how === "full" && code === 1);
      if (moment === undefined || !expected) return fail(`exit code ${code}, ${errors.trim().split("\n").at(-1)}`);
      this.kills.set(moment.name, (this.kills.get(moment.name) ?? 0) + 1);
    }
    const result = await resultOf(join(folder, "run")).catch((error) => ({ error: error.message }));
    const different = Object.keys(this.whole).filter((key) => result[key] !== this.whole[key]);
    if (different.length > 0) {
      return fail(`${result.error ?? "other than the run that was not stopped"}: ${different.join(", ")}`);
    }
    await rm(folder, { recursive: true, force: true });
  }

  /** Stops runs until there were so many kills; the named moments come first. @param jobs runs at a time. */
  async run({ kills, jobs, random, log }) {
    // Each of the named moments once, some in one run, in their order.
    const first = Array.from({ length: runsOfNamed }, (_, at) => named.filter((_, i) => i % runsOfNamed === at));
    const done = () => [...this.kills.values()].reduce((sum, each) => sum + each, 0);
    let said = 0;
    const work = async () => {
      while (first.length > 0 || done() < kills) {
        await this.trial(first.shift() ?? this.someMoments(random));
        if (this.failures.length >= 20) return;
        if (done() - said >= 50) {
          said = done();
          log(`${said} kills, ${this.runs} runs, ${this.failures.length} failures`);
        }
      }
    };
    await Promise.all(Array.from({ length: jobs }, work));
    const never = [...this.kills].filter(([, times]) => times === 0).map(([name]) => name);
    if (never.length > 0) this.failures.push(`no run was killed at: ${never.join(", ")}`);
    return done();
  }

  /** One to four moments, the named ones among them in their order. */
  someMoments(random) {
    const count = 1 + Math.floor(random() * 4);
    const places = Array.from({ length: count }, () => Math.floor(random() * 2 * named.length)).sort((a, b) => a - b);
    return places.map((place) => named[place] ?? randomMoment(random, this.operations, this.duration));
  }

  async close() {
    if (this.failures.length === 0) await rm(this.root, { recursive: true, force: true });
  }
}
