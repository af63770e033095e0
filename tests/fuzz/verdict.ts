/** Seconds of work that reading a small file may take, and of waiting: other processes may keep this one from working. */
const [mostWork, mostWait] = [2, 30];

/** What is wrong with how a reader ended; undefined where it gave a value or refused the file as it should. */
export async function problemOf(read: () => Promise<unknown>, names: readonly string[]): Promise<string | undefined> {
  const [started, worked] = [performance.now(), process.cpuUsage()];
  let thrown: unknown;
  let failed = false;
  try {
    await read();
  } catch (error) {
    [thrown, failed] = [error, true];
  }
  const waited = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(worked);
  const work = (user + system) / 1e6;
  if (work > mostWork || waited > mostWait)
    return `took ${work.toFixed(1)} s of work and ${waited.toFixed(1)} s in all`;
  return failed ? problemOfError(thrown, names) : undefined;
}

/** Errors of the engine and of Node, which say nothing to a user. */
const foreign = [TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError];

function problemOfError(error: unknown, names: readonly string[]): string | undefined {
  if (!(error instanceof Error)) return `threw ${typeof error}, not an error`;
  const { message } = error;
  const said = `${error.constructor.name}: ${message.slice(0, 300)}`;
  if (error.constructor === Error || foreign.some((kind) => error instanceof kind) || "code" in error)
    return `ended in an error of the engine or without a class of its own: ${said}\n${error.stack ?? ""}`;
  if (error.name === "Error") return `has an error class without a name: ${said}`;
  if (message.includes("\n")) return `gave more than a line: ${said}`;
  if (message.length > 700) return `gave a message of ${message.length} characters: ${said}`;
  if (!names.some((name) => message.includes(name))) return `does not name the file: ${said}`;
  return undefined;
}
