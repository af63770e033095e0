import { changeIntensities as intensityKernels, wordsPerIntensityChange } from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Image, Tensor } from "../graph/tensor.js";
import { asImage, printShape, ShapeError } from "../shape.js";

/**
 * Images whose values are changed as `changes` says of each channel of each: blur, brightness and contrast, a lower resolution,
 * gamma curves; the kernel family has the formulas. x [n, c, h, w], changes [7·n·c] by `packIntensityChanges`, → [n, c, h, w].
 * In programs of precision f16 too, all is computed and stored in f32. Has no gradient.
 * @throws ShapeError when `changes` has another length.
 */
export function changeIntensities<C extends number>(x: Image<C>, changes: Tensor<readonly [number], "f32">): Image<C> {
  const { batch, channels, height, width } = asImage(x.shape);
  const images = batch * channels;
  const length = images * wordsPerIntensityChange;
  if (changes.shape.length !== 1 || changes.shape[0] !== length) {
    throw new ShapeError(
      `changeIntensities: changes are ${printShape(changes.shape)}, expected [${length}] for images ${printShape(x.shape)}`,
    );
  }
  const kernels = intensityKernels({ images, height, width });
  return applyKernel({
    name: "change-intensities",
    inputs: { image: x, changes },
    output: f32(x.shape),
    lower: ({ image, changes }, output, lowering) => {
      const results = kernels.map((_, i) => (i === kernels.length - 1 ? output : lowering.scratch(x.shape)));
      kernels.forEach((kernel, i) => {
        const before = i === 0 ? image : (results[i - 1] ?? image);
        lowering.call({ kernel, bindings: { image: before, changes, output: results[i] ?? output } });
      });
    },
  });
}
