// Loaded by `node --import` into a process that is to be killed at a chosen moment: at the n-th of its operations on
// files whose text ("rename checkpoints/last.safetensors") matches. LOBULE_TORTURE holds the plan, see kill-campaign.mjs.
import { appendFileSync, constants, promises, writeSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { relative } from "node:path";

const { root, match, nth, how, delay, trace } = JSON.parse(process.env.LOBULE_TORTURE);
const pattern = new RegExp(match);
let seen = 0;
/** Whether the disk is full from now on. */
let full = false;

const die = () => process.kill(process.pid, "SIGKILL");
const noSpace = () => Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
const halfOf = (data) => {
  const bytes = Buffer.from(data);
  return bytes.subarray(0, bytes.length >> 1);
};

/** Does an operation, or ends the process before, after or in the middle of it. */
async function through(name, path, work, fd, data) {
  const place = relative(root, String(path));
  if (place.startsWith("..")) return work();
  const text = `${name} ${place}`;
  if (trace !== undefined) appendFileSync(trace, `${text}\n`);
  const hit = pattern.test(text) && ++seen === nth;
  if (hit && how === "full") full = true;
  if (full && name !== "remove") {
    if (fd !== undefined && data !== undefined) writeSync(fd, halfOf(data));
    throw noSpace();
  }
  if (hit && how === "later") setTimeout(die, delay);
  if (hit && how === "half" && fd !== undefined && data !== undefined) writeSync(fd, halfOf(data));
  if (hit && (how === "before" || how === "half")) die();
  const result = await work();
  if (hit && how === "after") die();
  return result;
}

function wrap(object, call, name, pathOf, dataOf = () => undefined) {
  const original = object[call];
  object[call] = function (...args) {
    return through(name, pathOf(this, args), () => original.apply(this, args), this?.fd, dataOf(args));
  };
}

const paths = new WeakMap();
const { open } = promises;
promises.open = async (path, flags = "r", ...rest) => {
  const writes = typeof flags === "number" ? (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0 : flags !== "r";
  const work = () => open(path, flags, ...rest);
  const handle = writes ? await through("open", path, work) : await work();
  paths.set(handle, path);
  return handle;
};
const probe = await open(process.execPath, "r");
const handles = Object.getPrototypeOf(probe);
await probe.close();
for (const call of ["writeFile", "appendFile", "write"]) {
  wrap(
    handles,
    call,
    "write",
    (handle) => paths.get(handle) ?? "/",
    ([data]) => data,
  );
}
for (const call of ["sync", "truncate"]) wrap(handles, call, call, (handle) => paths.get(handle) ?? "/");
for (const call of ["rename", "link"]) wrap(promises, call, call, (_, [, to]) => to);
wrap(promises, "mkdir", "mkdir", (_, [path]) => path);
for (const call of ["rm", "rmdir", "unlink"]) wrap(promises, call, "remove", (_, [path]) => path);
for (const call of ["writeFile", "appendFile"]) wrap(promises, call, "write", (_, [path]) => path);
syncBuiltinESMExports();
