// Loss, Dice scores and their derivatives from the sums of softmax-loss.wgsl: one workgroup does it all.

const CLASSES: u32 = 3; // tunable

struct Sizes {
  batch: u32,
  segments: u32,
  sumLanes: u32, // invocations that share the sums of one class of one image, a power of two
  lambdaCrossEntropy: f32,
  lambdaDice: f32,
  smoothing: f32,
  twiceAlpha: f32, // weight of false positives in the overlap: 1 for Dice
  twiceBeta: f32, // of false negatives
  byWeights: u32, // 1 where the pixel term is divided by the weights of the pixels, 0 by their number
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> partials: array<f32>; // [n, segments, 3 classes + 2]
@group(0) @binding(2) var<storage, read> classWeights: array<f32>; // [2, classes]: of pixels, of Dice terms
@group(0) @binding(3) var<storage, read_write> result: array<f32>; // [8]: see the end of main
@group(0) @binding(4) var<storage, read_write> dice: array<f32>; // [n, classes]
@group(0) @binding(5) var<storage, read_write> coefficients: array<vec2f>; // [n, classes], see below

const LANES: u32 = 256;
const VALUES: u32 = 3u * CLASSES + 2u;
var<workgroup> sums: array<vec4f, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  let entries = sizes.batch * CLASSES;
  let perRound = LANES / sizes.sumLanes;
  var diceLoss = 0.0;
  var pixels = 0.0;
  for (var firstEntry = 0u; firstEntry < entries; firstEntry += perRound) {
    let entry = firstEntry + lane / sizes.sumLanes;
    let part = lane % sizes.sumLanes;
    let c = entry % CLASSES;
    var total = vec3f();
    if (entry < entries) {
      for (var segment = part; segment < sizes.segments; segment += sizes.sumLanes) {
        let at = ((entry / CLASSES) * sizes.segments + segment) * VALUES + 3u * c;
        total += vec3f(partials[at], partials[at + 1u], partials[at + 2u]);
      }
    }
    sums[lane] = vec4f(total, 0.0);
    for (var half = sizes.sumLanes / 2u; half > 0u; half /= 2u) {
      workgroupBarrier();
      if (part < half) { sums[lane] += sums[lane + half]; }
    }
    if (entry < entries && part == 0u) {
      let sum = sums[lane].xyz; // I, P, T
      let numerator = 2.0 * sum.x + sizes.smoothing;
      // Twice Tversky's: P + T for alpha = beta = 1/2, to the bit.
      let covered = sizes.twiceAlpha * sum.y + sizes.twiceBeta * sum.z + (2.0 - sizes.twiceAlpha - sizes.twiceBeta) * sum.x;
      let denominator = covered + sizes.smoothing;
      let weight = classWeights[CLASSES + c];
      // As differences, so that a score near 1 keeps its digits.
      let wrong = sizes.twiceAlpha * (sum.y - sum.x) + sizes.twiceBeta * (sum.z - sum.x);
      diceLoss += weight * wrong / denominator;
      pixels += sum.z;
      dice[entry] = numerator / (sum.y + sum.z + sizes.smoothing);
      // lambda d(overlap loss)/dp of a pixel of this class, and of another class.
      let derivative = sizes.lambdaDice * weight / (f32(entries) * denominator);
      let change = vec2f(2.0 - sizes.twiceBeta, sizes.twiceAlpha); // of the denominator
      coefficients[entry] = derivative * (numerator / denominator * change - vec2f(2.0, 0.0));
    }
    workgroupBarrier();
  }

  var pixelLoss = 0.0;
  var pixelWeight = 0.0;
  for (var row = lane; row < sizes.batch * sizes.segments; row += LANES) {
    pixelLoss += partials[row * VALUES + 3u * CLASSES];
    pixelWeight += partials[row * VALUES + 3u * CLASSES + 1u];
  }
  sums[lane] = vec4f(diceLoss, pixels, pixelLoss, pixelWeight);
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) {
    let total = sums[0];
    let normalizer = select(total.y, total.w, sizes.byWeights == 1u);
    let scale = select(1.0 / normalizer, 0.0, normalizer == 0.0);
    result[0] = sizes.lambdaCrossEntropy * (total.z * scale) + sizes.lambdaDice * (total.x / f32(entries));
    result[1] = total.z * scale; // pixel term
    result[2] = total.x / f32(entries); // overlap term
    result[3] = sizes.lambdaCrossEntropy * scale; // factor of each pixel's gradient
    result[4] = normalizer;
    result[5] = total.y; // pixels that count
    result[6] = 0.0;
    result[7] = 0.0;
  }
}
