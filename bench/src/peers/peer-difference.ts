import { readBytes } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { PeerError } from "./peer-process.js";

/** Numbers or losses that are further off than this come from other work, whatever the precision. */
export const largestDifference = 0.02;

/** ‖theirs − ours‖ / ‖ours‖. */
export function relativeDifference(ours: Float32Array, theirs: Float32Array): number {
  if (theirs.length !== ours.length) {
    throw new PeerError(`its forward pass gives ${theirs.length} numbers, ours gives ${ours.length}`);
  }
  let [off, all] = [0, 0];
  ours.forEach((value, i) => {
    off += ((theirs[i] as number) - value) ** 2;
    all += value ** 2;
  });
  return Math.sqrt(off / all);
}

/** @throws PeerError when the difference shows that the peer does other work. */
export function requireSame(what: string, difference: number): void {
  if (difference < largestDifference) return;
  const percent = (100 * difference).toPrecision(2);
  throw new PeerError(`its ${what} differ from ours by ${percent} %: it does not do the same work`);
}

/** The numbers of a file of float32. */
export async function readFloats(path: string): Promise<Float32Array> {
  const { buffer, length } = await readBytes(nodeStorage, path, "tensors");
  return new Float32Array(buffer, 0, Math.floor(length / 4));
}
