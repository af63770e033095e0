import { expect, test } from "vitest";
import { launchedBy, requireSize } from "./launched.js";

test("a launcher is known by what it tells its processes", () => {
  expect(launchedBy({})).toBeUndefined();
  expect(launchedBy({ OMPI_COMM_WORLD_SIZE: "1" })).toBeUndefined();
  expect(launchedBy({ OMPI_COMM_WORLD_SIZE: "4" })).toEqual({ launcher: "Open MPI's mpirun", size: 4 });
  expect(launchedBy({ PMI_SIZE: "2" })).toEqual({ launcher: "MPICH's mpiexec", size: 2 });
  // Of srun --mpi=pmi2; the batch script itself, which runs once, has no step.
  expect(launchedBy({ PMI_SIZE: "2", SLURM_STEP_NUM_TASKS: "2", SLURM_NTASKS: "2" })).toEqual({
    launcher: "Slurm's srun",
    size: 2,
  });
  expect(launchedBy({ SLURM_NTASKS: "2" })).toBeUndefined();
  expect(() => launchedBy({ PMI_SIZE: "many" })).toThrow("PMI_SIZE, which MPICH's mpiexec sets, is 'many'");
});

test("a world of another size than was started is refused with what to do", () => {
  requireSize({ launcher: "Slurm's srun", size: 2 }, 2, "MPI");
  expect(() => requireSize({ launcher: "Slurm's srun", size: 2 }, 1, "Open MPI")).toThrow(
    /srun started 2 processes, but Open MPI knows of 1; .*srun --mpi=pmix/,
  );
  expect(() => requireSize({ launcher: "MPICH's mpiexec", size: 2 }, 1, "Open MPI")).toThrow(/LOBULE_MPI/);
});
