import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSafetensors, type SafetensorsTensor, writeSafetensors } from "@lobule/tensor";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runParity } from "./run-parity.js";
import { deviceOfFile, fixtures, missed } from "./testing.js";

const device = deviceOfFile();

describe("a changed copy", () => {
  let copy: string;
  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), "parity-"));
    // One network and one training stand for all.
    cpSync(fixtures, copy, { recursive: true, filter: (path) => !/net_(?!F2_32)/.test(path) });
  });
  afterEach(() => rmSync(copy, { recursive: true }));

  const run = async (filter: string): Promise<string[]> => missed(await runParity(device(), copy, { filter }));

  /** Rewrites a file with other tensors. */
  function rewrite(file: string, change: (tensors: Map<string, SafetensorsTensor>) => void): void {
    const tensors = readSafetensors(readFileSync(join(copy, file)));
    change(tensors);
    writeFileSync(join(copy, file), writeSafetensors(tensors));
  }

  /** Changes the third digit of a tensor's largest number. */
  const changeDigit = (file: string, name: string): void =>
    rewrite(file, (tensors) => {
      const data = tensors.get(name)?.data as Float32Array;
      const at = data.findIndex((value) => Math.abs(value) === Math.max(...data.map(Math.abs)));
      data[at] = (data[at] as number) * 1.01;
    });

  test.each([
    ["ops/conv3x3.safetensors", "n1_ci1_co3_7x9/out.output", "ops/conv3x3", "ops/conv3x3/n1_ci1_co3_7x9: out.output"],
    ["ops/conv3x3.safetensors", "n1_ci1_co3_7x9/grad.weight", "ops/conv3x3", "ops/conv3x3/n1_ci1_co3_7x9: grad.weight"],
    ["ops/conv3x3.safetensors", "n1_ci1_co3_7x9/in.x", "ops/conv3x3", "ops/conv3x3/n1_ci1_co3_7x9: out.output"],
    ["ops/focal.safetensors", "n1_c3_7x9_g2/grad_output", "ops/focal", "ops/focal/n1_c3_7x9_g2: grad.logits"],
    ["ops/maxpool2x2.safetensors", "n2_c3_7x9/out.argmax", "ops/maxpool", "ops/maxpool2x2/n2_c3_7x9: out.argmax"],
    ["net_F2_32/grads.safetensors", "bridge.conv1.weight", "net_F2_32", "net_F2_32: grad bridge.conv1.weight"],
    ["net_F2_32/io.safetensors", "grad_input", "net_F2_32", "net_F2_32: grad_input"],
    [
      "net_F2_32/running_after.safetensors",
      "bridge.bn1.running_var",
      "net_F2_32",
      "net_F2_32/running_after: bridge.bn1.running_var",
    ],
    ["net_F2_32/rect_32x48.safetensors", "logits_eval", "net_F2_32", "net_F2_32/rect_32x48 eval: logits_eval"],
    ["train_F2_32/batches.safetensors", "input.6", "train_F2_32", "train_F2_32/step 7 from start: loss"],
    [
      "train_F2_32/after_step09_f64.safetensors",
      "exp_avg.head.weight",
      "train_F2_32",
      "train_F2_32/single step 10: moments exp_avg.head.weight",
    ],
    [
      "train_F2_32/final_f64.safetensors",
      "decoder.3.gate.psi.bias",
      "train_F2_32",
      "train_F2_32/single step 10: weights decoder.3.gate.psi.bias",
    ],
    [
      "train_F2_32/grads_step1_f64.safetensors",
      "head.bias",
      "train_F2_32",
      "train_F2_32/gradients of step 1: head.bias",
    ],
    ["train_F2_32/final_eval_f64.safetensors", "logits_batch0", "train_F2_32", "train_F2_32/final eval: logits_batch0"],
  ])("%s: a digit of %s", async (file, name, filter, expected) => {
    changeDigit(file, name);
    expect(await run(filter)).toContain(expected);
  });

  test.each([
    [
      "ops/index.json",
      /"tol_abs":[^,}]+/,
      '"tol_abs":0.5',
      "ops/conv3x3/n1_ci1_co3_7x9",
      "ops/conv3x3/n1_ci1_co3_7x9: index.json",
    ],
    ["ops/index.json", /"gamma": ?2\.0/, '"gamma":2.1', "ops/focal/n1_c3_7x9_g2", "ops/focal/n1_c3_7x9_g2: out.output"],
    ["net_F2_32/info.json", '"ce": 1.28', '"ce": 1.29', "net_F2_32", "net_F2_32/info.json: ce"],
    ["train_F2_32/info.json", "0.999", "0.99", "train_F2_32", "train_F2_32/single step 10: weights L2"],
    ["train_F2_32/info.json", "1.98837", "1.98838", "train_F2_32", "train_F2_32/step 2 from start: loss"],
    ["schedulers.json", "0.0005", "0.0006", "schedulers", "schedulers/constant: lr"],
    ["metrics.json", "0.7142857142857143", "0.7142857142957143", "metrics", "metrics/pred_empty_target_nonempty: dice"],
  ])("%s: %s for %s", async (file, from, to, filter, expected) => {
    const text = readFileSync(join(copy, file), "utf8");
    writeFileSync(join(copy, file), text.replace(from, to));
    expect(await run(filter)).toContain(expected);
  });

  test("tensors and files that nothing checks", async () => {
    const one: SafetensorsTensor = { dtype: "F32", shape: [1], data: new Float32Array(1) };
    rewrite("ops/relu.safetensors", (tensors) => tensors.set("n1_c1_7x9/out.extra", one));
    writeFileSync(join(copy, "ops/gelu.safetensors"), writeSafetensors(new Map([["x", one]])));
    writeFileSync(join(copy, "net_F2_32/more.safetensors"), writeSafetensors(new Map([["x", one]])));
    expect(await run("")).toEqual([
      "ops/relu.safetensors: n1_c1_7x9/out.extra: nothing checks this tensor",
      "ops/gelu.safetensors: –: ops/index.json does not name this file",
      "net_F2_32/more: –: the file is not part of a network fixture",
    ]);
  });

  test("missing and broken files: one sentence each, the rest still runs", async () => {
    rmSync(join(copy, "ops/relu.safetensors"));
    rewrite("ops/sigmoid.safetensors", (tensors) => tensors.delete("n1_c1_7x9/in.x"));
    writeFileSync(
      join(copy, "net_F2_32/weights.safetensors"),
      readFileSync(join(copy, "net_F2_32/weights.safetensors")).subarray(0, 1000),
    );
    writeFileSync(join(copy, "schedulers.json"), "{");
    rewrite("train_F2_32/start.safetensors", (tensors) => tensors.delete("head.bias"));
    expect(await run("")).toEqual([
      "ops/relu.safetensors: –: ops/relu.safetensors: the file is missing",
      "ops/sigmoid/n1_c1_7x9: –: ops/sigmoid.safetensors: tensor 'n1_c1_7x9/in.x' is missing",
      expect.stringMatching(
        /^net_F2_32: –: net_F2_32\/weights.safetensors: the header claims \d+ bytes, the file has only 992/,
      ),
      expect.stringMatching(/^train_F2_32: –: train_F2_32\/start.safetensors: 'head.bias' \[3\] is missing/),
      expect.stringMatching(/^schedulers: –: .*schedulers.json is not valid JSON: /),
    ]);
  });
});
