// What softmax-loss-finish.wgsl does, where sums are put together before an overlap is taken of them: those of all images of
// a batch (batch Dice), those of all classes (generalized Dice), or both. One workgroup does it all.

const CLASSES: u32 = 3; // tunable

struct Sizes {
  batch: u32,
  segments: u32,
  groups: u32, // overlaps by image: batch; over the batch: 1
  generalized: u32, // 1 where one overlap is taken of all classes together
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
@group(0) @binding(3) var<storage, read_write> result: array<f32>; // [8]: as softmax-loss-finish.wgsl
@group(0) @binding(4) var<storage, read_write> dice: array<f32>; // [n, classes]
@group(0) @binding(5) var<storage, read_write> coefficients: array<vec2f>; // [n, classes], as softmax-loss-finish.wgsl
@group(0) @binding(6) var<storage, read_write> pooled: array<vec4f>; // [n + groups, classes]: I, P, T of images, then of groups

const LANES: u32 = 256;
const VALUES: u32 = 3u * CLASSES + 2u;
var<workgroup> sums: array<vec4f, LANES>;

// The weight of a class in generalized Dice, (t / T)^2 with t the smallest T there is, so that the largest weight is 1:
// of the ratio of two sums only s sees by what all weights are multiplied. A class that is not there has the largest.
fn inverseVolume(first: u32, c: u32) -> f32 {
  var smallest = 0.0;
  for (var k = 0u; k < CLASSES; k++) {
    let volume = pooled[first + k].z;
    if (classWeights[CLASSES + k] > 0.0 && volume > 0.0 && (smallest == 0.0 || volume < smallest)) { smallest = volume; }
  }
  let own = pooled[first + c].z;
  if (own <= smallest) { return 1.0; }
  return (smallest / own) * (smallest / own);
}

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  let entries = sizes.batch * CLASSES;
  var pixels = 0.0;
  for (var entry = lane; entry < entries; entry += LANES) {
    var total = vec3f();
    for (var segment = 0u; segment < sizes.segments; segment++) {
      let at = ((entry / CLASSES) * sizes.segments + segment) * VALUES + 3u * (entry % CLASSES);
      total += vec3f(partials[at], partials[at + 1u], partials[at + 2u]);
    }
    pooled[entry] = vec4f(total, 0.0);
    pixels += total.z;
    dice[entry] = (2.0 * total.x + sizes.smoothing) / (total.y + total.z + sizes.smoothing);
  }
  storageBarrier();
  let images = sizes.batch / sizes.groups; // of a group
  let overlaps = sizes.groups * CLASSES;
  for (var overlap = lane; overlap < overlaps; overlap += LANES) {
    var total = vec4f();
    for (var image = 0u; image < images; image++) {
      total += pooled[((overlap / CLASSES) * images + image) * CLASSES + overlap % CLASSES];
    }
    pooled[entries + overlap] = total;
  }
  storageBarrier();

  var overlapLoss = 0.0;
  let count = select(overlaps, sizes.groups, sizes.generalized == 1u);
  for (var overlap = lane; overlap < overlaps; overlap += LANES) {
    let first = entries + overlap / CLASSES * CLASSES; // of the group's sums
    let c = overlap % CLASSES;
    var weight = classWeights[CLASSES + c];
    var numerator = sizes.smoothing;
    var denominator = sizes.smoothing;
    for (var k = 0u; k < CLASSES; k++) {
      if (sizes.generalized == 0u && k != c) { continue; }
      let sum = pooled[first + k].xyz; // I, P, T
      let factor = select(1.0, classWeights[CLASSES + k] * inverseVolume(first, k), sizes.generalized == 1u);
      numerator += factor * 2.0 * sum.x;
      // Twice Tversky's: P + T for alpha = beta = 1/2.
      denominator += factor * (sizes.twiceAlpha * sum.y + sizes.twiceBeta * sum.z + (2.0 - sizes.twiceAlpha - sizes.twiceBeta) * sum.x);
    }
    if (sizes.generalized == 1u) { weight *= inverseVolume(first, c); }
    let own = pooled[first + c].xyz;
    // As differences, so that a score near 1 keeps its digits.
    let wrong = sizes.twiceAlpha * (own.y - own.x) + sizes.twiceBeta * (own.z - own.x);
    overlapLoss += weight * wrong / denominator;
    // lambda d(overlap loss)/dp of a pixel of this class, and of another class.
    let derivative = sizes.lambdaDice * weight / (f32(count) * denominator);
    let change = vec2f(2.0 - sizes.twiceBeta, sizes.twiceAlpha); // of the denominator
    let coefficient = derivative * (numerator / denominator * change - vec2f(2.0, 0.0));
    for (var image = 0u; image < images; image++) {
      coefficients[((overlap / CLASSES) * images + image) * CLASSES + c] = coefficient;
    }
  }

  var pixelLoss = 0.0;
  var pixelWeight = 0.0;
  for (var row = lane; row < sizes.batch * sizes.segments; row += LANES) {
    pixelLoss += partials[row * VALUES + 3u * CLASSES];
    pixelWeight += partials[row * VALUES + 3u * CLASSES + 1u];
  }
  sums[lane] = vec4f(overlapLoss, pixels, pixelLoss, pixelWeight);
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) {
    let total = sums[0];
    let normalizer = select(total.y, total.w, sizes.byWeights == 1u);
    let scale = select(1.0 / normalizer, 0.0, normalizer == 0.0);
    result[0] = sizes.lambdaCrossEntropy * (total.z * scale) + sizes.lambdaDice * (total.x / f32(count));
    result[1] = total.z * scale; // pixel term
    result[2] = total.x / f32(count); // overlap term
    result[3] = sizes.lambdaCrossEntropy * scale; // factor of each pixel's gradient
    result[4] = normalizer;
    result[5] = total.y; // pixels that count
    result[6] = 0.0;
    result[7] = 0.0;
  }
}
