import { spawn } from "node:child_process";
import { accessSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtCommand, type Ended, runCommand } from "../testing/run-command.js";

/** Whether a program is on the search path. */
const isInstalled = (program: string): boolean =>
  (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program));
      return true;
    } catch {
      return false;
    }
  });

/** Debian's names of the launchers, and what they need to start two processes of root on any machine. */
const launchers = {
  "Open MPI": ["mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "-n"],
  MPICH: ["mpirun.mpich", "-n"],
} as const;
type Mpi = keyof typeof launchers;
const isMissing = (mpi: Mpi): boolean => !isInstalled(launchers[mpi][0]);

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-ranks-"));
  await runCommand(["phantom", join(root, "data"), "--cases", "4", "--size", "16"]);
  await writeFile(join(root, "half.json"), JSON.stringify({ trainFraction: 0.5 }));
  const { code, err } = await runCommand([...settings("one"), "--micro-batch", "2"]);
  expect(code, err).toBe(0);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const settings = (name: string): string[] => [
  ...["train", "--data", join(root, "data"), "--cache", join(root, "cache"), "--out", join(root, name)],
  ...["--size", "16", "--network", "unet", "--depth", "1", "--base-features", "1", "--epochs", "8", "--batch", "4"],
  ...["--norm", "batch", "--ema", "0.8", "--oversample", "0.3", "--augment"],
  ...["--config", join(root, "half.json")],
];

/** Runs the command on two ranks; `onText` sees what was written so far. */
function onTwo(mpi: Mpi, words: readonly string[], onText?: (text: string) => void): Promise<Ended> {
  const [program, ...options] = launchers[mpi];
  return new Promise((resolve) => {
    const child = spawn(program, [...options, "2", process.execPath, builtCommand, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const texts = { out: "", err: "" };
    for (const name of ["out", "err"] as const) {
      child[`std${name}`].on("data", (bytes: Buffer) => {
        texts[name] += bytes.toString();
        onText?.(texts.out + texts.err);
      });
    }
    child.on("close", (code) => resolve({ code, ...texts }));
  });
}

/** What a run's report says of its validation cases: figures, and pictures of slices. */
async function measuredIn(name: string): Promise<string> {
  const page = await readFile(join(root, name, "report.html"), "utf8");
  return page.slice(page.indexOf("<h2>Dice on"), page.indexOf("<h2>Training, epoch by epoch"));
}

/** The process of a rank of the run that is written to a folder, by what the system says of it. */
const processOf = (folder: string, variable: string): number =>
  Number(
    readdirSync("/proc").find((name) => {
      try {
        return (
          /^\d+$/.test(name) &&
          readFileSync(`/proc/${name}/cmdline`, "utf8").includes(`lobule.js\0train`) &&
          readFileSync(`/proc/${name}/cmdline`, "utf8").includes(folder) &&
          readFileSync(`/proc/${name}/environ`, "utf8").split("\0").includes(variable)
        );
      } catch {
        return false; // it has ended
      }
    }),
  );

/** The data with a scan whose end is missing. */
async function damagedData(): Promise<string> {
  const folder = join(root, "damaged");
  await cp(join(root, "data"), folder, { recursive: true });
  const images = join(folder, "imagesTr");
  const [first = ""] = (await readdir(images)).sort();
  const { size } = await stat(join(images, first));
  await truncate(join(images, first), size - 40);
  return folder;
}

async function expectSame(name: string): Promise<void> {
  for (const file of ["config.json", "checkpoints/best.safetensors", "checkpoints/last.safetensors"]) {
    expect((await readFile(join(root, name, file))).equals(await readFile(join(root, "one", file))), file).toBe(true);
  }
}

describe.each(["Open MPI", "MPICH"] as const)("two processes by %s", (mpi) => {
  test("write the bytes of one that runs halves of batches", async (context) => {
    if (isMissing(mpi)) return context.skip(`${mpi} is not installed`);
    const { code, err, out } = await onTwo(mpi, settings(mpi));
    expect(code, err).toBe(0);
    expect(out).toContain("2 processes on");
    await expectSame(mpi);
    expect(await measuredIn(mpi)).toBe(await measuredIn("one"));
    expect(await measuredIn(mpi)).toContain("Dice on 2 validation cases");
  });
});

test("two processes measure a run as one does, a case that cannot be read included", async (context) => {
  if (isMissing("Open MPI")) return context.skip("Open MPI is not installed");
  const [alone, shared] = [join(root, "measured"), join(root, "measured by two")];
  const words = ["evaluate", join(root, "one"), "--include-training", "--data", await damagedData(), "--out"];
  const failed = { code: 1, err: expect.stringContaining("1 of 4 cases could not be measured") };
  expect(await runCommand([...words, alone])).toMatchObject(failed);
  expect(await onTwo("Open MPI", [...words, shared])).toMatchObject(failed);
  const files = await readdir(alone);
  expect(files).toHaveLength(2);
  for (const file of files) {
    expect((await readFile(join(shared, file))).equals(await readFile(join(alone, file))), file).toBe(true);
  }
});

test("a killed process ends the other, which says so, and the run is resumed to the same bytes", async (context) => {
  if (isMissing("Open MPI")) return context.skip("Open MPI is not installed");
  let killed = 0;
  const { code, err } = await onTwo("Open MPI", settings("killed"), (text) => {
    if (killed > 0 || !/epoch +2 /.test(text)) return;
    killed = performance.now();
    process.kill(processOf(join(root, "killed"), "OMPI_COMM_WORLD_RANK=1"), "SIGKILL");
  });
  expect(code).not.toBe(0);
  expect(performance.now() - killed).toBeLessThan(30_000);
  expect(err).toMatch(/lobule: rank 1 on \S+ has died, when this rank was at step \d+/);
  const resumed = await onTwo("Open MPI", ["train", "--resume", join(root, "killed"), "--cache", join(root, "cache")]);
  expect(resumed.code, resumed.err).toBe(0);
  await expectSame("killed");
});

/** Runs the command as one of two that Slurm started, which MPI knows nothing of. @param variables that it set besides. */
async function inStep(
  words: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<readonly [code: number | null, err: string]> {
  const child = spawn(process.execPath, [builtCommand, ...words], {
    env: { ...process.env, SLURM_STEP_NUM_TASKS: "2", ...variables },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let err = "";
  child.stderr.on("data", (bytes: Buffer) => {
    err += bytes.toString();
  });
  return [await new Promise((resolve) => child.on("close", resolve)), err];
}

test("a launcher that MPI does not know of is refused", async (context) => {
  if (isMissing("Open MPI")) return context.skip("Open MPI is not installed");
  const refused = [1, expect.stringMatching(/srun started 2 processes, but .* knows of 1; .*--mpi=pmix/)];
  expect(await inStep(settings("refused"))).toEqual(refused);
});

test("a launcher whose connection npx did not pass on is refused", async () => {
  const refused = [
    1,
    expect.stringMatching(/^lobule: the launcher gave its processes a connection .* start the command/),
  ];
  expect(await inStep(settings("refused"), { PMI_FD: "7" })).toEqual(refused);
});

test.each([
  ["segment", "scan.nii", "-m", "run", "-o", "labels.nii"],
  ["bench", "model"],
])("'%s' is not done several times", async (...words) => {
  const refused = /^lobule: '(segment|bench model)' is done by one process, but Slurm's srun started 2; start one/;
  expect(await inStep(words)).toEqual([1, expect.stringMatching(refused)]);
});
