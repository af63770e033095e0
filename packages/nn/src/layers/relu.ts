import { type Image, relu } from "@lobule/tensor";
import { Module } from "../module.js";

/** max(x, 0), element by element; its gradient at 0 is 0. */
export class ReLU extends Module {
  forward<C extends number>(x: Image<C>): Image<C> {
    return relu(x);
  }
}
