import { referenceSpec, type UNetSpec } from "@lobule/nn";
import { buildNetwork, type SavedModel } from "@lobule/train";

/** A saved model with weights of a seed, and statistics and norms that are not those of the start. */
export async function exampleModel(
  spec: Partial<UNetSpec>,
  description: Partial<SavedModel["description"]> = {},
): Promise<SavedModel> {
  const network = { ...referenceSpec, ...spec };
  const whole: SavedModel["description"] = {
    version: 1,
    architecture: "UNet",
    network,
    inputSlices: 1,
    classes: ["background", "liver", "tumor"],
    baseFeatures: 4,
    depth: 2,
    size: null,
    window: [-160, 240],
    preset: null,
    ...description,
  };
  const unet = buildNetwork(whole, 3);
  const variables = unet.namedVariables();
  for (const [name, variable] of variables) {
    const shift = name.endsWith("running_var") ? 1.3 : 0.1;
    if (/running_|\.bn|\.norm\./.test(name))
      variable.write(variable.initial.map((value, i) => value + shift * Math.sin(i + 1) ** 2));
  }
  // Each class is more of one feature than of another, so that all are found.
  const head = variables.get("head.weight");
  const [features = 0] = head?.shape.slice(1) ?? [];
  head?.write(
    head.initial.map((_, i) => {
      const [c, f] = [Math.floor(i / features), i % features];
      return 4 * (Number(f === c % features) - Number(f === (c + 1) % features));
    }),
  );
  variables.get("head.bias")?.write(new Float32Array(whole.classes.length));
  const source = "example.safetensors";
  return {
    description: whole,
    weights: await unet.stateDict(),
    source,
    sha256: "0".repeat(64),
    epoch: 1,
    code: undefined,
  };
}
