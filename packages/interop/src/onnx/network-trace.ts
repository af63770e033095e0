import { type Module, observed, type SegmentationNetwork } from "@lobule/nn";
import { constant, type Image, Tensor, type Variable } from "@lobule/tensor";

/** One call of a layer's forward pass. */
export interface LayerCall {
  /** Where the layer is in the network, such as "decoder.0.up". */
  readonly path: string;
  readonly layer: Module;
  readonly inputs: readonly unknown[];
}

/** A network's forward pass on one small image. */
export interface NetworkTrace {
  readonly image: Image;
  readonly logits: Image;
  /** The innermost layer that returned a tensor, by that tensor. */
  readonly calls: ReadonlyMap<Tensor, LayerCall>;
  /** Values of the network's variables. */
  readonly values: ReadonlyMap<Variable, Float32Array>;
}

/**
 * Follows the forward pass of a network, and reads its values. Extents of the image are of no account: layers are known
 * as such, and what comes between them says nothing of extents.
 * @throws ShapeError when the network does not take images of so many channels.
 */
export async function traceNetwork(network: SegmentationNetwork, inChannels: number): Promise<NetworkTrace> {
  const values = new Map<Variable, Float32Array>();
  for (const variable of network.namedVariables().values()) values.set(variable, await variable.read());
  const side = 4 * (network.divisor ?? 1);
  const image: Image = constant(new Float32Array(inChannels * side * side), [1, inChannels, side, side]);
  const { result: logits, observations } = observed(network.eval(), () => network.forward(image));
  const calls = new Map<Tensor, LayerCall>();
  // Layers are observed as they return, so what is inside comes before what is around it.
  for (const [path, { module, calls: all, outputs }] of observations) {
    all.forEach((inputs, i) => {
      const output = outputs[i];
      if (output instanceof Tensor && !calls.has(output)) calls.set(output, { path, layer: module, inputs });
    });
  }
  return { image, logits, calls, values };
}
