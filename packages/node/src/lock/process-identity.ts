import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { errorCode } from "@lobule/data";
import { z } from "zod";
/** Of a process, as it is written down for others. */
export const processIdentitySchema = z.object({
  pid: z.int().positive(),
  host: z.string().min(1).max(255),
  /** Of the running kernel, new with each start of the machine; null where the system tells none. */
  boot: z.string().max(64).nullable(),
  /** In which pids are counted: each container has one of its own; null where the system has no such. */
  pidNamespace: z.string().max(64).nullable(),
  /** Clock ticks from the machine's start to the process's; null where the system does not tell. */
  started: z.string().max(32).nullable(),
});

/** What tells a process from all others, also from one that is given its number later. */
export type ProcessIdentity = Readonly<z.output<typeof processIdentitySchema>>;

const orNull = (read: () => string): string | null => {
  try {
    return read().trim();
  } catch {
    return null;
  }
};

/** When a process started, from field 22 of /proc/PID/stat; "zombie" where it has ended; null where that is not told. */
function startOf(pid: number | "self"): string | null {
  const text = orNull(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (text === null) return null;
  // Field 2 is the program's name in parentheses, which may hold blanks and parentheses; field 3 is the state.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? "zombie" : (fields[19] ?? null);
}

let own: ProcessIdentity | undefined;

/** This process. */
export function ownIdentity(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    host: hostname(),
    boot: orNull(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")),
    pidNamespace: orNull(() => readlinkSync("/proc/self/ns/pid")),
    started: startOf("self"),
  };
  return own;
}

/** Whether the number is some process's of this machine, be it somebody else's. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

/**
 * Whether a process runs: "unknown" where this cannot be told from here, as of another machine or another container, or
 * on a system that does not tell when a process started.
 * @param me this process.
 */
export function livenessOf(
  other: ProcessIdentity,
  me: ProcessIdentity = ownIdentity(),
): "running" | "gone" | "unknown" {
  const { boot, host, pidNamespace } = me;
  if (other.host !== host || other.boot !== boot || other.pidNamespace !== pidNamespace) return "unknown";
  if (!isRunning(other.pid)) return "gone";
  const started = startOf(other.pid);
  // Where processes of others are hidden (hidepid), or there is no /proc.
  if (started === null || other.started === null) return "unknown";
  return started === other.started ? "running" : "gone";
}
