import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { ExperimentError } from "./experiment-file.js";

/** What a job array is to run. */
export interface SlurmArray {
  /** Tasks of the array. */
  readonly tasks: number;
  /** Folder of the tasks' output. */
  readonly directory: string;
  /** Words of this program. */
  readonly words: readonly string[];
  readonly signal: AbortSignal;
  /** Is told the number of the job. */
  readonly onSubmitted: (job: string) => void;
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** States of a job that has ended and does not go on. */
const ended = /^(BOOT_FAIL|CANCELLED|COMPLETED|DEADLINE|FAILED|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED|TIMEOUT)$/;

interface Answer {
  readonly failed: boolean;
  readonly out: string;
  readonly err: string;
}

/** Runs one of Slurm's programs. @throws ExperimentError where it is not there. */
function ask(program: string, options: readonly string[], input = "", signal?: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, options, { ...(signal && { signal }) }, (error, out, err) => {
      if (error?.code !== "ENOENT") return resolve({ failed: error !== null, out, err });
      const advice = "submit from one of Slurm's, or leave out --workers";
      reject(new ExperimentError(`there is no ${program} on this machine; ${advice}`));
    });
    child.stdin?.on("error", () => undefined); // it has ended without reading; its answer says why
    child.stdin?.end(input);
  });
}

/** Whether every task of a job has ended. While the controller does not answer, none has. */
async function hasEnded(job: string): Promise<boolean> {
  const options = ["--noheader", "--states=all", `--jobs=${job}`, "--format=%T"];
  const { failed, out, err } = await ask("squeue", options);
  // Some minutes after its end Slurm knows a job no more.
  if (failed) return err.includes("Invalid job id");
  return (out.match(/\S+/g) ?? []).every((state) => ended.test(state));
}

/** Seconds between questions whether a job has ended: the first, what each has more than the one before, and the most. */
const pauses = { first: 1, growth: 1.2, most: 15 };

/**
 * Submits this program as a job array and waits for its end. Partition, account, GPUs and the like are taken by sbatch
 * from its own variables, such as SBATCH_PARTITION.
 * @throws ExperimentError where there is no sbatch or it refuses; the signal's reason, when the job has been canceled.
 */
export async function runSlurmArray({ tasks, directory, words, signal, onSubmitted }: SlurmArray): Promise<void> {
  const command = [process.execPath, ...process.execArgv, process.argv[1] ?? "", ...words].map(quoted).join(" ");
  const options = [
    ...["--parsable", "--requeue", "--job-name=lobule", `--array=1-${tasks}`],
    // SIGTERM a minute before the time is up: the run under way saves.
    ...["--signal=B:TERM@60", `--output=${join(directory, "slurm-%A_%a.log")}`],
  ];
  // A task that was stopped by a signal goes back into the queue.
  const script = `#!/bin/bash
${command} &
child=$!
trap 'kill -TERM $child' TERM
wait $child; code=$?
while kill -0 $child 2> /dev/null; do wait $child; code=$?; done
if [ $code = 143 ]; then scontrol requeue "\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"; fi
exit $code
`;
  const { out, err } = await ask("sbatch", options, script, signal);
  signal.throwIfAborted();
  const [job = ""] = out.trim().split(/[;\n]/);
  if (job === "") throw new ExperimentError(`sbatch refused the job: ${err.trim().split("\n").at(-1) ?? ""}`);
  onSubmitted(job);
  await endOf(job, signal);
  signal.throwIfAborted();
}

/** Waits until a job has ended. At the signal its tasks are told to save, which they do by themselves. */
async function endOf(job: string, signal: AbortSignal): Promise<void> {
  let pause = pauses.first;
  while (!signal.aborted && !(await hasEnded(job))) {
    await setTimeout(1000 * pause, undefined, { signal }).catch(() => undefined); // aborted
    pause = Math.min(pause * pauses.growth, pauses.most);
  }
  if (signal.aborted) await ask("scancel", ["--signal=TERM", "--batch", "--state=RUNNING", job]);
}
