/** What a launcher says of itself to the processes that it starts. */
export interface Launched {
  /** What started this process, as messages call it. */
  readonly launcher: string;
  /** How many processes it started. */
  readonly size: number;
}

/** Thrown where processes that were started together cannot work together; the message says what to do. */
export class MpiError extends Error {
  override readonly name = "MpiError";
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Launchers, and the variables in which they tell how many processes they started; the innermost first. */
const launchers = [
  { launcher: "Open MPI's mpirun", size: "OMPI_COMM_WORLD_SIZE" },
  { launcher: "MPICH's mpiexec", size: "PMI_SIZE", unless: "SLURM_STEP_NUM_TASKS" },
  { launcher: "Slurm's srun", size: "SLURM_STEP_NUM_TASKS" },
] as const;

/**
 * What launcher started this process together with others; undefined where none did, or it started this one alone.
 * @throws MpiError where a launcher's variable is no count.
 */
export function launchedBy(environment: Environment): Launched | undefined {
  for (const { launcher, size: name, ...rest } of launchers) {
    const value = environment[name];
    if (value === undefined || ("unless" in rest && environment[rest.unless] !== undefined)) continue;
    const size = Number(value);
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new MpiError(`${name}, which ${launcher} sets, is '${value}' and no number of processes`);
    }
    return size === 1 ? undefined : { launcher, size };
  }
  return undefined;
}

/** @throws MpiError where MPI found fewer or more processes than the launcher started. */
export function requireSize({ launcher, size }: Launched, found: number, library: string): void {
  if (found === size) return;
  const advice = launcher.includes("srun")
    ? "ask Slurm for the interface that this MPI speaks, as by srun --mpi=pmix for Open MPI or srun --mpi=pmi2 for MPICH (srun --mpi=list has them), or start by the mpirun of this MPI inside the allocation"
    : "start by the mpirun that belongs to this MPI, or name the library of the other by LOBULE_MPI";
  throw new MpiError(`${launcher} started ${size} processes, but ${library} knows of ${found}; ${advice}`);
}
