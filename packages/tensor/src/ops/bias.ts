import type { Image, Vector } from "../graph/tensor.js";
import { printShape, ShapeError } from "../shape.js";
import { reshape } from "./channels.js";
import { add } from "./pointwise.js";

/** x + bias of the channel. x [n, c, h, w], bias [c]. @throws ShapeError when the channels differ. */
export function addBias<C extends number>(x: Image<C>, bias: Vector<C>): Image<C> {
  if (bias.shape.length !== 1 || bias.shape[0] !== x.shape[1]) {
    throw new ShapeError(
      `addBias: x ${printShape(x.shape)} has ${x.shape[1]} channels, bias is ${printShape(bias.shape)}`,
    );
  }
  return add(x, reshape(bias, [1, bias.shape[0], 1, 1]));
}
