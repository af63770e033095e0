import { elasticImage, elasticLabels, wordsPerDeformation } from "@lobule/kernels-wgsl";
import { f32, u32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Image, Tensor } from "../graph/tensor.js";
import { asImage, printShape, ShapeError } from "../shape.js";

/**
 * Images and their labels, deformed elastically as `deformations` says of each sample; the kernel family has the formula.
 * image [n, c, h, w], target [n, h, w], deformations [3·n] by `packDeformations`. Labels are those of the nearest pixel. In
 * programs of precision f16 too, all is stored in f32. Has no gradient.
 * @throws ShapeError when the shapes do not fit together.
 */
export function deformElastically<C extends number>(
  image: Image<C>,
  target: Tensor<readonly [n: number, h: number, w: number], "u32">,
  deformations: Tensor<readonly [number], "u32">,
): { readonly image: Image<C>; readonly target: Tensor<readonly [n: number, h: number, w: number], "u32"> } {
  const shape = asImage(image.shape);
  const { batch, height, width } = shape;
  const expected = [batch * wordsPerDeformation];
  if (
    printShape(target.shape) !== printShape([batch, height, width]) ||
    printShape(deformations.shape) !== printShape(expected)
  ) {
    throw new ShapeError(
      `deformElastically: the image is ${printShape(image.shape)}, so the target must be ${printShape([batch, height, width])} and the deformations ${printShape(expected)}, got ${printShape(target.shape)} and ${printShape(deformations.shape)}`,
    );
  }
  return {
    image: applyKernel({
      name: "elastic-image",
      inputs: { image, deformations },
      output: f32(image.shape),
      lower: (inputs, output, lowering) =>
        lowering.call({ kernel: elasticImage(shape), bindings: { ...inputs, output } }),
    }),
    target: applyKernel({
      name: "elastic-labels",
      inputs: { labels: target, deformations },
      output: u32(target.shape),
      lower: (inputs, output, lowering) =>
        lowering.call({ kernel: elasticLabels({ batch, height, width }), bindings: { ...inputs, output } }),
    }),
  };
}
