import { readFileSync } from "node:fs";
import { dirName, MemoryStorage, writeFileAtomically } from "@lobule/data";
import { expect, test } from "vitest";
import { WeightMisfitError } from "../pytorch/match-weights.js";
import { nnunetFolds, readNnUNetFold } from "./nnunet-folder.js";

const fixture = (path: string): Uint8Array => readFileSync(new URL(`fixtures/${path}`, import.meta.url));
type Json = Record<string, unknown>;
const json = (path: string): Json => JSON.parse(Buffer.from(fixture(path)).toString());

/** A folder of nnU-Net's with these files in the place of those of a fixture; null for one that is not there. */
async function folder(name: string, changes: Readonly<Record<string, Uint8Array | Json | null>> = {}) {
  const storage = new MemoryStorage();
  const files = { ...Object.fromEntries(sound.map((file) => [file, fixture(`${name}/${file}`)])), ...changes };
  for (const [file, content] of Object.entries(files)) {
    const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
    const path = `/trained/${file}`;
    await storage.makeFolder(dirName(path));
    if (content !== null) await writeFileAtomically(storage, path, bytes);
  }
  return storage;
}
const sound = ["plans.json", "dataset.json", "fold_0/checkpoint_final.pth"];
const read = (storage: MemoryStorage) => readNnUNetFold(storage, "/trained", "fold_0", "final");

test("what a plan and a checkpoint say: levels, patch, spacing, intensities, mirror images", async () => {
  const { description, plan, mirrored, weights } = await read(await folder("plain"));
  expect(description).toMatchObject({
    architecture: "NnUNet",
    classes: ["background", "liver", "tumor"],
    baseFeatures: 3,
    depth: 3,
    window: [-17.5, 201.25],
    normalization: { kind: "foreground", mean: 101.5, deviation: 37.25 },
    spacing: [0.75, 1.5],
    resampling: "cubic",
    patch: [24, 12],
  });
  expect(plan.spec.stages.map(({ features, kernel, stride }) => [features, kernel, stride])).toEqual([
    [3, [1, 3], [1, 1]],
    [4, [3, 3], [1, 2]],
    [5, [3, 3], [2, 2]],
    [6, [3, 3], [2, 2]],
  ]);
  expect(plan.spec).toMatchObject({ encoder: "plain", norm: "instance", activation: "leaky-relu", deepSupervision: 1 });
  expect(mirrored).toBe(true);
  // The lowest decoder level's logits are left out, which nnU-Net does not train.
  expect(weights.has("auxiliaryHeads.0.weight")).toBe(true);
  expect(weights.has("auxiliaryHeads.1.weight")).toBe(false);
});

test("a plan for MR: z-scores by each scan", async () => {
  const plans = plansWith({ normalization_schemes: ["ZScoreNormalization"], use_mask_for_norm: [false] });
  const { description } = await read(await folder("plain", { "plans.json": plans }));
  expect(description).toMatchObject({ window: [-32, 32], normalization: { kind: "image" } });
});

test("plans of before 2024 give the same network", async () => {
  const plans = json("plain/plans.json") as { configurations: Record<string, Json> };
  const { architecture: _, ...rest } = plans.configurations["2d"] ?? {};
  const former = {
    ...rest,
    UNet_class_name: "PlainConvUNet",
    UNet_base_num_features: 3,
    unet_max_num_features: 6,
    conv_kernel_sizes: [
      [1, 3],
      [3, 3],
      [3, 3],
      [3, 3],
    ],
    pool_op_kernel_sizes: [
      [1, 1],
      [1, 2],
      [2, 2],
      [2, 2],
    ],
    n_conv_per_stage_encoder: [2, 2, 2, 2],
    n_conv_per_stage_decoder: [2, 2, 2],
  };
  const storage = await folder("plain", { "plans.json": { ...plans, configurations: { "2d": former } } });
  // 3, 6, 6, 6 features are not the weights' 3, 4, 5, 6, all else is.
  const error: unknown = await read(storage).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(WeightMisfitError);
  expect((error as WeightMisfitError).misfits[0]).toBe(
    "'encoder.1.convolutions.0.conv.weight' [6, 3, 3, 3] of the network: 'encoder.stages.1.0.convs.0.conv.weight' of the file is [4, 3, 3, 3]",
  );
});

test("folds are those that are numbered and done, in their order", async () => {
  const checkpoint = fixture("plain/fold_0/checkpoint_final.pth");
  const storage = await folder("plain", {
    "fold_10/checkpoint_final.pth": checkpoint,
    "fold_2/checkpoint_final.pth": checkpoint,
    "fold_all/checkpoint_final.pth": checkpoint,
    "fold_3/checkpoint_latest.pth": checkpoint,
  });
  expect(await nnunetFolds(storage, "/trained", "final")).toEqual(["fold_0", "fold_2", "fold_10"]);
  expect(await nnunetFolds(storage, "/trained", "final", ["all", "2"])).toEqual(["fold_all", "fold_2"]);
  await expect(nnunetFolds(storage, "/trained", "final", ["3"])).rejects.toThrow(
    "/trained has no fold_3/checkpoint_final.pth; it has fold_0, fold_2, fold_10, fold_all",
  );
  await expect(nnunetFolds(storage, "/trained", "best")).rejects.toThrow(/none of .* has a checkpoint_best\.pth/);
  await expect(nnunetFolds(storage, "/trained/fold_2", "final")).rejects.toThrow("has no folder fold_0");
  await expect(nnunetFolds(storage, "/none", "final")).rejects.toThrow("/none: there is no such folder");
});

/** Plans with something else in the configuration, or in its architecture. */
function plansWith(configuration: Json, architecture: Json = {}): Json {
  const plans = json("plain/plans.json") as { configurations: Record<string, Json> };
  const own = plans.configurations["2d"] as { architecture: { arch_kwargs: Json } };
  const arch_kwargs = { ...own.architecture.arch_kwargs, ...architecture };
  const changed = { ...own, architecture: { ...own.architecture, arch_kwargs }, ...configuration };
  return { ...plans, configurations: { "2d": changed } };
}
const dataset = (changes: Json): Json => ({ ...json("plain/dataset.json"), ...changes });

test.each<readonly [string, Readonly<Record<string, Uint8Array | Json | null>>, string | RegExp]>([
  ["no plans", { "plans.json": null }, "/trained has no plans.json; give the folder that nnU-Net v2 trained"],
  ["plans of v1", { "plans.json": { plans_per_stage: {} } }, "is of nnU-Net v1, and v2 is read"],
  ["plans that are none", { "plans.json": { configurations: 3 } }, "/trained/plans.json: 'transpose_forward' "],
  [
    "no such configuration",
    { "plans.json": { ...plansWith({}), configurations: {} } },
    "has no configuration '2d'; it has none",
  ],
  ["inherits from itself", { "plans.json": plansWith({ inherits_from: "2d" }) }, "'2d' inherits from itself"],
  ["volumes", { "plans.json": plansWith({ patch_size: [8, 8, 8] }) }, "is a configuration of volumes"],
  [
    "splines of another order",
    { "plans.json": plansWith({ resampling_fn_data_kwargs: { order: 2 } }) },
    "resamples images by resample_data_or_seg_to_shape of order 2, and splines of order 3 and 1",
  ],
  ["a cascade", { "plans.json": plansWith({ previous_stage: "2d_low" }) }, "is part of a cascade"],
  ["other slices", { "plans.json": { ...plansWith({}), transpose_forward: [1, 0, 2] } }, "(transpose_forward 1 0 2)"],
  [
    "other intensities",
    { "plans.json": plansWith({ normalization_schemes: ["RescaleTo01Normalization"] }) },
    "normalized by RescaleTo01Normalization, and CTNormalization and ZScoreNormalization are read",
  ],
  [
    "z-scores of some voxels",
    { "plans.json": plansWith({ normalization_schemes: ["ZScoreNormalization"], use_mask_for_norm: [true] }) },
    "z-scores of the voxels that are not 0 alone (use_mask_for_norm), and those of all voxels are read",
  ],
  [
    "another network",
    { "plans.json": plansWith({ architecture: { network_class_name: "a.Primus", arch_kwargs: {} } }) },
    "the network a.Primus is not read; PlainConvUNet and ResidualEncoderUNet are",
  ],
  [
    "an unknown part",
    { "plans.json": plansWith({}, { squeeze_excitation: true }) },
    "'configurations.2d.architecture.arch_kwargs.squeeze_excitation'",
  ],
  [
    "dropout",
    { "plans.json": plansWith({}, { dropout_op: "torch.nn.Dropout2d" }) },
    "'configurations.2d.architecture.arch_kwargs.dropout_op'",
  ],
  [
    "convolutions of volumes",
    { "plans.json": plansWith({}, { conv_op: "torch.nn.modules.conv.Conv3d" }) },
    "has the conv_op torch.nn.modules.conv.Conv3d, and Conv2d are read",
  ],
  [
    "lists of other lengths",
    { "plans.json": plansWith({}, { strides: [[1, 1]] }) },
    "has 4 stages, and strides has 1 entries, not 4",
  ],
  [
    "even kernels",
    {
      "plans.json": plansWith(
        {},
        {
          kernel_sizes: [
            [2, 3],
            [3, 3],
            [3, 3],
            [3, 3],
          ],
        },
      ),
    },
    "the kernel of stage 0 must be odd, got 2×3",
  ],
  [
    "a patch that strides do not divide",
    { "plans.json": plansWith({ patch_size: [10, 24] }) },
    "/trained/plans.json: ",
  ],
  ["no data set", { "dataset.json": null }, "/trained has no dataset.json"],
  [
    "other channels",
    { "dataset.json": dataset({ channel_names: { 0: "T1", 1: "T2" } }) },
    "normalizes 1 channel, and the dataset.json beside it names 2 (T1, T2); give the files of one training",
  ],
  [
    "regions",
    { "dataset.json": dataset({ labels: { background: 0, whole: [1, 2] } }) },
    "'whole' is a region of several labels",
  ],
  [
    "other classes",
    { "dataset.json": dataset({ labels: { background: 0, liver: 1 } }) },
    "of the file's and the network's tensors do not fit each other",
  ],
  [
    "no checkpoint",
    { "fold_0/checkpoint_final.pth": Buffer.from("none") },
    "/trained/fold_0/checkpoint_final.pth: is neither a PyTorch checkpoint",
  ],
  [
    "another checkpoint",
    { "fold_0/checkpoint_final.pth": readFileSync(new URL("../pytorch/fixtures/reference.pt", import.meta.url)) },
    "has no network_weights, so it is no checkpoint of nnU-Net v2",
  ],
  [
    "another network's weights",
    { "fold_0/checkpoint_final.pth": fixture("residual/fold_0/checkpoint_final.pth") },
    /checkpoint_final\.pth: \d+ of the file's and the network's tensors do not fit each other/,
  ],
])("%s: refused in a sentence", async (_, changes, message) => {
  const error: unknown = await read(await folder("plain", changes)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Error);
  const text = (error as Error).message;
  if (message instanceof RegExp) expect(text).toMatch(message);
  else expect(text).toContain(message);
  expect(text).not.toContain("\n");
});
