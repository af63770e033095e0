import { totalmem } from "node:os";

/** Bytes of memory that this process can have at most: the machine's, or what its container is given of it. */
export function machineMemory(): number {
  const allowed = process.constrainedMemory();
  return allowed > 0 ? Math.min(allowed, totalmem()) : totalmem();
}
