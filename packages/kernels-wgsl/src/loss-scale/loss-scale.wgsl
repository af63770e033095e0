// Decides whether an optimizer takes its step, and the scale of the next loss: a single invocation.

struct Sizes {
  growthInterval: u32, // steps
  growthFactor: f32,
  backoffFactor: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> hyper: array<f32>; // [8], of the kernel adam
@group(0) @binding(2) var<storage, read_write> found: array<u32>; // [1], cleared
@group(0) @binding(3) var<storage, read_write> scale: array<f32>; // [1]
@group(0) @binding(4) var<storage, read_write> goodSteps: array<f32>; // [1], since the scale last changed
@group(0) @binding(5) var<storage, read_write> takenSteps: array<f32>; // [1]
@group(0) @binding(6) var<storage, read_write> scaledHyper: array<f32>; // [10]: hyper, 1 / scale, 1 to take the step

// 1 − (1 − complement)^count by squaring, from complements: the complement of a product is a sum of positive terms.
fn complementOfPower(complement: f32, count: u32) -> f32 {
  var result = 0.0;
  var square = complement;
  for (var rest = count; rest > 0u; rest >>= 1u) {
    if ((rest & 1u) == 1u) { result += square * (1.0 - result); }
    square += square * (1.0 - square);
  }
  return result;
}

@compute @workgroup_size(1)
fn main() {
  let good = found[0] == 0u;
  let steps = takenSteps[0] + select(0.0, 1.0, good);
  for (var i = 0u; i < 8u; i++) { scaledHyper[i] = hyper[i]; }
  // The corrections of the steps that were taken, not of those that were tried.
  scaledHyper[5] = complementOfPower(hyper[1], u32(steps));
  scaledHyper[6] = sqrt(complementOfPower(hyper[2], u32(steps)));
  scaledHyper[8] = 1.0 / scale[0];
  scaledHyper[9] = select(0.0, 1.0, good);

  takenSteps[0] = steps;
  found[0] = 0u;
  if (!good) {
    scale[0] *= sizes.backoffFactor;
    goodSteps[0] = 0.0;
  } else if (u32(goodSteps[0]) + 1u == sizes.growthInterval) {
    let grown = scale[0] * sizes.growthFactor;
    if ((bitcast<u32>(grown) & 0x7f800000u) != 0x7f800000u) { scale[0] = grown; }
    goodSteps[0] = 0.0;
  } else {
    goodSteps[0] += 1.0;
  }
}
