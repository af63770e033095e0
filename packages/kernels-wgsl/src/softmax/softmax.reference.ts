import { type ImageShape, imageSize } from "../contract/kernel.js";

/** p[n,c,i] = exp(x[n,c,i] − m) / Σ_k exp(x[n,k,i] − m), m = max_k x[n,k,i]. */
export function softmaxReference(x: ArrayLike<number>, shape: ImageShape): Float64Array {
  const { batch, channels, height, width } = shape;
  const pixels = height * width;
  const p = new Float64Array(imageSize(shape));
  for (let n = 0; n < batch; n++) {
    for (let i = 0; i < pixels; i++) {
      const places = Array.from({ length: channels }, (_, c) => (n * channels + c) * pixels + i);
      const m = Math.max(...places.map((at) => x[at] as number));
      const total = places.reduce((sum, at) => sum + Math.exp((x[at] as number) - m), 0);
      for (const at of places) p[at] = Math.exp((x[at] as number) - m) / total;
    }
  }
  return p;
}
