// What all peers in JavaScript share: a JSON line each way, as pytorch.py speaks it, and the start values.
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

/**
 * Answers requests one after another until "end"; each handler gives the answer. That to "forward" holds `logits`, a
 * function that gives them as float32 in the order N, C, H, W; they are written to the file that the request names.
 */
export async function serve(handlers) {
  // Libraries write to the standard output what they like; the answers must stay alone there.
  console.log = console.info = console.error;
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: what, write, ...request } = JSON.parse(line);
    const { logits, ...answer } = what === "end" ? { peakBytes: null } : await handlers[what](request);
    if (write !== undefined) writeFileSync(write, await logits());
    process.stdout.write(`${JSON.stringify({ ...answer, residentBytes: process.resourceUsage().maxRSS * 1024 })}\n`);
    if (what === "end") process.exit(0);
  }
}

/** The version of a package that is installed beside this file. */
export function packageVersion(name) {
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
}

/** Milliseconds that some work takes, and what it gives. */
export async function timed(work) {
  const started = performance.now();
  const result = await work();
  return { milliseconds: performance.now() - started, result };
}

/** Reads safetensors: name → { shape, data }. */
export function readTensors(path) {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length));
  const tensors = new Map();
  for (const [
    name,
    {
      dtype,
      shape,
      data_offsets: [begin, end],
    },
  ] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const copy = new Uint8Array(bytes.subarray(8 + length + begin, 8 + length + end)).buffer;
    tensors.set(name, { shape, data: dtype === "F32" ? new Float32Array(copy) : new Int32Array(copy) });
  }
  return tensors;
}

/** The axes of an array in another order: axis i of the result is axis `order[i]` of the given one. */
export function permuted({ shape, data }, order) {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const result = new Float32Array(data.length);
  const to = order.map((axis) => shape[axis]);
  const at = to.map(() => 0);
  for (let i = 0; i < result.length; i++) {
    result[i] = data[at.reduce((sum, place, k) => sum + place * strides[order[k]], 0)];
    for (let axis = to.length - 1; axis >= 0 && ++at[axis] === to[axis]; axis--) at[axis] = 0;
  }
  return { shape: to, data: result };
}

/** WebGPU on the adapter that Lobule takes, and the adapter's name. */
export async function sameAdapter() {
  const { openGpu, adapterChoice } = await import("../../packages/node/dist/index.js");
  const gpu = await openGpu();
  return { gpu, name: (await adapterChoice()).name };
}
