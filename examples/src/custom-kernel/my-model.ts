/** A network of one's own: `lobule train --data DIR --out RUN --model examples/src/custom-kernel/my-model.ts`. */

import { Conv2d, Module, ResBlock, Scope } from "@lobule/nn";
import { concatChannels, type Image, upsampleBilinear2x } from "@lobule/tensor";
import { defineModel } from "@lobule/train";
import { blurPool } from "./blur-pool.js";

class BlurNet extends Module {
  readonly divisor = 2;
  readonly fine: ResBlock<1, 8>;
  readonly coarse: ResBlock<8, 16>;
  readonly head: Conv2d<24, number, 1>;

  constructor(classes: number, scope: Scope) {
    super();
    this.fine = new ResBlock({ inChannels: 1, outChannels: 8, scope: scope.child("fine") });
    this.coarse = new ResBlock({ inChannels: 8, outChannels: 16, scope: scope.child("coarse") });
    this.head = new Conv2d({ inChannels: 24, outChannels: classes, kernelSize: 1, scope: scope.child("head") });
  }

  forward(x: Image<1>): Image {
    const fine = this.fine.forward(x);
    const coarse = this.coarse.forward(blurPool(fine)); // a wrong number of channels would not compile here
    return this.head.forward(concatChannels(fine, upsampleBilinear2x(coarse)) as Image<24>);
  }
}

export default defineModel(({ classes, seed }) => new BlurNet(classes, new Scope(seed)));
