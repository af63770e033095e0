/**
 * The processes that a launcher such as mpirun or srun started, connected by MPI, as a {@link MpiWorld} for training.
 *
 * @module @lobule/mpi
 */

export { type Launched, launchedBy, MpiError } from "./launched.js";
export { MpiWorld } from "./mpi-world.js";
