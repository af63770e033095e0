import type { Tensor, Variable } from "@lobule/tensor";
import type { GraphBuilder } from "./graph-builder.js";
import type { LayerCall } from "./network-trace.js";

/** What is known of a network while its layers and operations become nodes. */
export interface Nodes {
  readonly graph: GraphBuilder;
  /** The name of a tensor's value; what makes it is added to the graph. @throws ExportError where there is no node for it. */
  nameOf(tensor: Tensor): string;
  /** The layer that returned a tensor. */
  callOf(tensor: Tensor): LayerCall | undefined;
  /** The values of a variable. */
  valuesOf(variable: Variable): Float32Array;
  /** A variable as a constant of the graph. @param shape another shape of as many elements. */
  weight(variable: Variable, shape?: readonly number[]): string;
}
