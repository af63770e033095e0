import { promisify } from "node:util";
import { expect, test } from "vitest";
import { openGpu } from "./open-gpu.js";
import { patient } from "./patient-polling.js";

/** A schedule that writes down what it is asked for; `dawn` stands for Dawn's callback. */
function recorder(dawn: () => void) {
  const asked: { readonly when: string; readonly run: () => void }[] = [];
  let time = 0;
  const schedule = patient({
    immediate: (callback, ...values) => asked.push({ when: "at once", run: () => callback(...values) }),
    pause: (run, milliseconds) => asked.push({ when: `after ${milliseconds}`, run }),
    now: () => time,
    isDawn: (callback) => callback === dawn,
  });
  const pass = (milliseconds: number): void => {
    time += milliseconds;
  };
  return { schedule, asked, pass };
}

test("callbacks of scripts are passed on with their values, however long they go on", () => {
  const got: unknown[] = [];
  const { schedule, asked, pass } = recorder(() => undefined);
  const script = (...values: unknown[]): void => {
    got.push(values);
    pass(100);
    if (got.length < 3) schedule(script, "again");
  };
  schedule(script, 1, 2);
  for (let i = 0; i < asked.length; i++) asked[i]?.run();
  expect(asked.map(({ when }) => when)).toEqual(["at once", "at once", "at once"]);
  expect(got).toEqual([[1, 2], ["again"], ["again"]]);
});

test("a wait is polled at once at first, then with pauses; the next one begins anew", () => {
  // Time that passes before each question of two waits.
  const waits = [
    [0.1, 0.3, 1, 30, 30],
    [0.1, 0.1],
  ];
  const when: string[][] = [];
  for (const [i, wait] of waits.entries()) {
    when[i] = [];
    const dawn = (): void => {
      const next = wait.shift();
      if (next === undefined) return;
      pass(next);
      schedule(dawn);
    };
    const { schedule, asked, pass } = recorder(dawn);
    schedule(dawn);
    for (let k = 0; k < asked.length; k++) {
      when[i]?.push(asked[k]?.when ?? "");
      asked[k]?.run();
    }
  }
  expect(when).toEqual([
    ["at once", "at once", "at once", "after 1", "after 2", "after 2"],
    ["at once", "at once", "at once"],
  ]);
});

test("a second wait with the same schedule begins anew", () => {
  let rest = 2;
  const dawn = (): void => {
    pass(50);
    if (--rest > 0) schedule(dawn);
  };
  const { schedule, asked, pass } = recorder(dawn);
  schedule(dawn);
  for (let i = 0; i < asked.length; i++) asked[i]?.run();
  pass(1000);
  schedule(dawn);
  expect(asked.map(({ when }) => when)).toEqual(["at once", "after 2", "at once"]);
});

test("while the GPU works, Node asks now and then instead of all the time", async () => {
  const gpu = await openGpu();
  const device = await (await gpu.requestAdapter())?.requestDevice();
  if (device === undefined) throw new Error("no adapter");
  const code = `
    @group(0) @binding(0) var<storage, read_write> result: array<f32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      var x = f32(id.x);
      for (var i = 0u; i < 20000u; i++) { x = fma(x, 0.999, 0.001); }
      result[id.x] = x;
    }`;
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }) },
  });
  const buffer = device.createBuffer({ size: 4 * 64 * 1024, usage: GPUBufferUsage.STORAGE });
  const layout = pipeline.getBindGroupLayout(0);
  const bindGroup = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer } }] });
  const before = globalThis.setImmediate;
  let asked = 0;
  globalThis.setImmediate = Object.assign((...parameters: Parameters<typeof before>) => {
    asked++;
    return before(...parameters);
  }, before) as typeof before;
  try {
    const started = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(1024);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    const waited = performance.now() - started;
    // Without pauses it asks ten times a millisecond and more; the first half millisecond it still does.
    expect(asked).toBeLessThan(waited + 200);
  } finally {
    globalThis.setImmediate = before;
    device.destroy();
  }
});

test("promisify(setImmediate) still works", async () => {
  await openGpu();
  expect(await promisify(setImmediate)("value")).toBe("value");
});
