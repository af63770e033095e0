import { spawn } from "node:child_process";
import { join } from "node:path";
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

/**
 * Submits this program as a job array and waits for its end. Partition, account, GPUs and the like are taken by sbatch
 * from its own variables, such as SBATCH_PARTITION.
 * @throws ExperimentError where there is no sbatch or it refuses; the signal's reason, when the job has been canceled.
 */
export async function runSlurmArray({ tasks, directory, words, signal, onSubmitted }: SlurmArray): Promise<void> {
  const command = [process.execPath, ...process.execArgv, process.argv[1] ?? "", ...words].map(quoted).join(" ");
  const options = [
    ...["--parsable", "--wait", "--requeue", "--job-name=lobule", `--array=1-${tasks}`],
    // SIGTERM a minute before the time is up: the run under way saves.
    ...["--signal=B:TERM@60", `--output=${join(directory, "slurm-%A_%a.log")}`],
  ];
  const child = spawn("sbatch", options, { stdio: ["pipe", "pipe", "pipe"] });
  // A task that was stopped by a signal goes back into the queue.
  child.stdin.end(`#!/bin/bash
${command} &
child=$!
trap 'kill -TERM $child' TERM
wait $child; code=$?
while kill -0 $child 2> /dev/null; do wait $child; code=$?; done
if [ $code = 143 ]; then scontrol requeue "\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"; fi
exit $code
`);
  let job = "";
  let errors = "";
  child.stdout.on("data", (bytes: Buffer) => {
    const [first] = bytes.toString().trim().split(/[;\n]/);
    if (job === "" && first !== undefined && first !== "") {
      job = first;
      onSubmitted(job);
    }
  });
  child.stderr.on("data", (bytes: Buffer) => {
    errors += bytes.toString();
  });
  const cancel = (): void => {
    if (job === "") child.kill();
    else spawn("scancel", ["--signal=TERM", "--batch", job], { stdio: "ignore" }).on("error", () => child.kill());
  };
  signal.addEventListener("abort", cancel);
  try {
    await new Promise<void>((resolve, reject) => {
      child.on("error", () =>
        reject(
          new ExperimentError("there is no sbatch on this machine; submit from one of Slurm's, or leave out --workers"),
        ),
      );
      child.on("close", () => resolve());
    });
  } finally {
    signal.removeEventListener("abort", cancel);
  }
  signal.throwIfAborted();
  if (job === "") throw new ExperimentError(`sbatch refused the job: ${errors.trim().split("\n").at(-1) ?? ""}`);
}
