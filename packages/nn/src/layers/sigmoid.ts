import { type Image, sigmoid } from "@lobule/tensor";
import { Module } from "../module.js";

/** 1/(1 + e⁻ˣ), element by element. */
export class Sigmoid extends Module {
  forward<C extends number>(x: Image<C>): Image<C> {
    return sigmoid(x);
  }
}
