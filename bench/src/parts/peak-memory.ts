import { readFile } from "node:fs/promises";

/** Milliseconds between two looks. What a process takes in its last moments can be missed. */
const between = 50;

/**
 * Watches the most resident memory that a process has had, as Linux counts it (VmHWM, which never falls).
 * @returns what ends the watch and gives bytes; null where the system does not tell.
 */
export function watchPeakMemory(pid: number): () => number | null {
  let most: number | null = null;
  const look = async (): Promise<void> => {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    if (kibibytes !== undefined) most = Math.max(most ?? 0, 1024 * Number(kibibytes));
  };
  void look();
  const timer = setInterval(look, between);
  return () => {
    clearInterval(timer);
    return most;
  };
}
