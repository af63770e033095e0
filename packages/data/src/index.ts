export { DataError } from "./data-error.js";
export type { Affine, Grid, Vector3, Volume, VoxelArray } from "./volume.js";
