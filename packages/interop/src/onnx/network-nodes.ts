import type { Tensor, Variable } from "@lobule/tensor";
import type { GraphBuilder } from "./graph-builder.js";
import { layerNode } from "./layer-nodes.js";
import type { LayerCall, NetworkTrace } from "./network-trace.js";
import type { Nodes } from "./nodes.js";
import { operationNode } from "./operation-nodes.js";

/**
 * Turns what a network computes into nodes, from its logits down: what a known layer returned as that layer, whose
 * extents may be any, and what comes between layers operation by operation.
 */
export class NetworkNodes implements Nodes {
  private readonly names = new Map<Tensor, string>();

  /** @param image the name of the value that the network is given. */
  constructor(
    readonly graph: GraphBuilder,
    private readonly trace: NetworkTrace,
    image: string,
  ) {
    this.names.set(trace.image, image);
  }

  nameOf(tensor: Tensor): string {
    const known = this.names.get(tensor);
    if (known !== undefined) return known;
    const call = this.callOf(tensor);
    const name = (call && layerNode(call, this)) ?? operationNode(tensor, this);
    this.names.set(tensor, name);
    return name;
  }

  callOf(tensor: Tensor): LayerCall | undefined {
    return this.trace.calls.get(tensor);
  }

  valuesOf(variable: Variable): Float32Array {
    return this.trace.values.get(variable) ?? variable.initial;
  }

  weight(variable: Variable, shape: readonly number[] = variable.shape): string {
    const name = shape === variable.shape ? variable.name : `${variable.name} as ${shape.join("×")}`;
    return this.graph.floats(name, shape, () => this.valuesOf(variable));
  }
}
