import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { builtCommand, runCommand } from "../testing/run-command.js";

const isInstalled = (...programs: readonly string[]): boolean =>
  programs.every((program) => spawnSync("which", [program]).status === 0);

/** Why a Slurm of its own cannot be started here. */
const hindrance =
  process.getuid?.() !== 0
    ? "starting Slurm needs root"
    : isInstalled("slurmctld", "slurmd", "munged", "munge")
      ? undefined
      : "Slurm is not installed";

/** Two nodes on this machine, on the loopback device. */
const configuration = (folder: string, host: string): string => `ClusterName=test
SlurmctldHost=${host}(127.0.0.1)
AuthType=auth/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool-%n
SlurmctldPidFile=${folder}/controller.pid
SlurmdPidFile=${folder}/%n.pid
SlurmctldLogFile=${folder}/controller.log
SlurmdLogFile=${folder}/%n.log
SlurmctldPort=26817
SelectType=select/cons_tres
ReturnToService=2
MpiDefault=none
NodeName=n1 NodeHostname=${host} NodeAddr=127.0.0.1 Port=27001 CPUs=1
NodeName=n2 NodeHostname=${host} NodeAddr=127.0.0.1 Port=27002 CPUs=1
PartitionName=main Nodes=n1,n2 Default=YES State=UP
`;

/** Ends the daemon of a PID file and waits until it has written what it still had to write. */
const endDaemon = async (pidFile: string): Promise<void> => {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, "utf8"));
  process.kill(pid);
  for (let tries = 0; tries < 150 && existsSync(`/proc/${pid}`); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  if (existsSync(`/proc/${pid}`)) process.kill(pid, "SIGKILL");
};

let root: string;
let isReady = false;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-slurm-"));
  if (hindrance !== undefined) return;
  const slurm = join(root, "slurm");
  for (const name of ["state", "spool-n1", "spool-n2"]) mkdirSync(join(slurm, name), { recursive: true });
  const [host = ""] = hostname().split(".");
  writeFileSync(join(slurm, "slurm.conf"), configuration(slurm, host));
  process.env.SLURM_CONF = join(slurm, "slurm.conf");
  if (spawnSync("munge", ["-n"]).status !== 0) {
    execFileSync("install", ["-d", "-o", "munge", "-g", "munge", "/run/munge"]);
    execFileSync("runuser", ["-u", "munge", "--", "/usr/sbin/munged"]);
  }
  execFileSync("slurmctld");
  for (const node of ["n1", "n2"]) execFileSync("slurmd", ["-N", node]);
  for (let tries = 0; tries < 60 && !isReady; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    isReady = /\bidle n\[1-2\]/.test(spawnSync("sinfo", ["-h", "-o", "%T %N"], { encoding: "utf8" }).stdout);
  }
  await runCommand(["phantom", join(root, "data"), "--cases", "4", "--size", "16"]);
});
afterAll(async () => {
  if (hindrance === undefined) {
    // The controller last: it still hears from the nodes that they end.
    for (const name of ["n1", "n2", "controller"]) await endDaemon(join(root, "slurm", `${name}.pid`));
  }
  await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

const small = { size: 16, baseFeatures: 1, depth: 1, batch: 4, network: { preset: "unet", norm: "batch" } };

test("a job array trains what one process would, and its comparison is the same", async (context) => {
  if (hindrance !== undefined) return context.skip(hindrance);
  expect(isReady).toBe(true);
  const file = join(root, "small.json");
  const variants = [{ name: "a" }, { name: "b", settings: { learningRate: 1e-3 } }];
  writeFileSync(file, JSON.stringify({ name: "s", data: "data", base: small, seeds: [0], epochs: 2, variants }));
  const words = (out: string) => ["experiment", file, "--out", join(root, out), "--cache", join(root, "cache")];
  const alone = await runCommand(words("serial"));
  expect(alone.code, alone.err).toBe(0);
  const array = await runCommand([...words("array"), "--workers", "slurm"]);
  expect(array.code, array.err).toBe(0);
  expect(array.out).toMatch(/^job \d+; its output is in /m);
  for (const name of ["experiment.json", "cases.csv", "b-seed0/checkpoints/last.safetensors"]) {
    const [own, serial] = await Promise.all(["array", "serial"].map((out) => readFile(join(root, out, name))));
    expect(own?.equals(serial as Buffer), name).toBe(true);
  }
});

test("a job array trains the folds of a cross-validation, each once, and they are taken together", async (context) => {
  if (hindrance !== undefined) return context.skip(hindrance);
  const words = ["crossval", join(root, "data"), "-o", join(root, "folds"), "--cache", join(root, "cache")];
  const network = ["--size", "16", "--base-features", "1", "--depth", "1", "--network", "unet", "--norm", "batch"];
  const settings = [...network, "--batch", "4", "--epochs", "1", "--folds", "2"];
  const { code, out, err } = await runCommand([...words, ...settings, "--workers", "slurm"]);
  expect(code, err).toBe(0);
  expect(out).toMatch(/^job \d+ of 2 tasks; its output is in /m);
  expect(out).toContain("Figures of 4 cases.");
  const { folds } = JSON.parse(await readFile(join(root, "folds", "crossval.json"), "utf8"));
  expect(folds.map(({ run }: { run: string }) => run)).toEqual(["fold0", "fold1"]);
});

test("srun over two nodes gives the bytes of one process, with MPICH", async (context) => {
  if (hindrance !== undefined) return context.skip(hindrance);
  if (!isInstalled("mpirun.mpich")) return context.skip("MPICH is not installed");
  const words = (out: string) => [
    ...["train", "--data", join(root, "data"), "--out", join(root, out), "--cache", join(root, "cache")],
    ...["--size", "16", "--base-features", "1", "--depth", "1", "--network", "unet", "--batch", "4", "--epochs", "2"],
  ];
  const one = await runCommand([...words("one"), "--micro-batch", "2"]);
  expect(one.code, one.err).toBe(0);
  const srun = ["--mpi=pmi2", "-N2", "-n2", process.execPath, builtCommand, ...words("two")];
  const { status, signal, stdout, stderr } = spawnSync("srun", srun, { encoding: "utf8" });
  const logs = ["controller", "n1", "n2"].map((name) => readFileSync(join(root, "slurm", `${name}.log`), "utf8"));
  expect(status, [`srun ended with ${status ?? signal}`, stdout, stderr, ...logs].join("\n")).toBe(0);
  const [two, alone] = await Promise.all(
    ["two", "one"].map((out) => readFile(join(root, out, "checkpoints", "last.safetensors"))),
  );
  expect(two?.equals(alone as Buffer)).toBe(true);
});
