import { test } from "vitest";
import { openGpu } from "@lobule/node-gpu";
import { Device } from "@lobule/tensor";
import { runParity } from "/work/main/packages/cli/src/parity/run-parity.js";
import { table } from "/work/main/packages/cli/src/parity/report.js";
import { writeFileSync } from "node:fs";
test("parity", async () => {
  const device = await Device.open(await openGpu(), { validate: true });
  console.log((device.adapterInfo as any).description, device.adapterInfo.device);
  const t = Date.now();
  const checks = await runParity(device, process.env.DIR ?? "/work/shared/oracle", { filter: process.env.FILTER ?? "", fusion: process.env.UNFUSED !== "1", onPart: (p) => console.log(p, Date.now() - t) });
  writeFileSync(`/tmp/nnlab/out${process.env.TAG ?? ""}.txt`, table(checks) + `\n${Date.now() - t} ms\n`);
  writeFileSync(`/tmp/nnlab/out${process.env.TAG ?? ""}.json`, JSON.stringify(checks));
  device.destroy();
}, 3600000);
