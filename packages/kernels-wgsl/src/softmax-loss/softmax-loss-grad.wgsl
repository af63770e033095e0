// Gradient of a segmentation loss: one invocation computes the gradient of all classes of one pixel.

alias real = f32;

const CLASSES: u32 = 3; // tunable
const RADIUS: u32 = 0; // tunable: how far from another class a pixel is of a boundary; 0: none is

struct Sizes {
  batch: u32,
  pixels: u32, // of an image
  softmax: u32, // 0 where the input is probabilities already
  gamma: f32,
  width: u32, // of an image
  boundaryWeight: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> logits: array<real>; // [n, classes, h, w]
@group(0) @binding(2) var<storage, read> labels: array<u32>; // [n, h, w]; a label that is no class is left out
@group(0) @binding(3) var<storage, read> classWeights: array<f32>; // [2, classes]: of pixels, of Dice terms
@group(0) @binding(4) var<storage, read> coefficients: array<vec2f>; // [n, classes], from softmax-loss-finish.wgsl
@group(0) @binding(5) var<storage, read> result: array<f32>; // [8], from softmax-loss-finish.wgsl
@group(0) @binding(6) var<storage, read> upstream: array<f32>; // [1]: the gradient of the loss
@group(0) @binding(7) var<storage, read_write> gradLogits: array<real>; // [n, classes, h, w]

const LANES: u32 = 64;

// x^exponent for x in [0, 1], exact for the usual exponents.
fn power(x: f32, exponent: f32) -> f32 {
  if (exponent == 0.0) { return 1.0; }
  if (exponent == 1.0) { return x; }
  if (exponent == 2.0) { return x * x; }
  if (x <= 0.0) { return 0.0; }
  return pow(x, exponent);
}

// log(1 + x) for x >= 0, with all digits of a small x.
fn logOnePlus(x: f32) -> f32 {
  if (x < 0.03) { return x * (1.0 - x * (0.5 - x * (0.33333333 - x * 0.25))); }
  return log(1.0 + x);
}

// What a pixel weighs besides its class: boundaryWeight where a pixel of another class has its center within RADIUS.
fn atBoundary(image: u32, pixel: u32, label: u32) -> f32 {
  if (RADIUS == 0u) { return 0.0; }
  let radius = i32(RADIUS);
  let width = i32(sizes.width);
  let height = i32(sizes.pixels / sizes.width);
  let x = i32(pixel % sizes.width);
  let y = i32(pixel / sizes.width);
  for (var row = max(y - radius, 0); row <= min(y + radius, height - 1); row++) {
    for (var column = max(x - radius, 0); column <= min(x + radius, width - 1); column++) {
      let squared = (row - y) * (row - y) + (column - x) * (column - x);
      let other = labels[image * sizes.pixels + u32(row * width + column)];
      if (squared <= radius * radius && other < CLASSES && other != label) { return sizes.boundaryWeight; }
    }
  }
  return 0.0;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (index >= sizes.batch * sizes.pixels) { return; }
  let n = index / sizes.pixels;
  let label = labels[index];
  let base = n * CLASSES * sizes.pixels + index % sizes.pixels;
  if (label >= CLASSES) {
    for (var c = 0u; c < CLASSES; c++) { gradLogits[base + c * sizes.pixels] = real(0.0); }
    return;
  }
  var derivative: array<f32, CLASSES>; // of the overlap term, by probability
  for (var c = 0u; c < CLASSES; c++) {
    let coefficient = coefficients[n * CLASSES + c];
    derivative[c] = select(coefficient.y, coefficient.x, c == label);
  }
  if (sizes.softmax == 0u) {
    for (var c = 0u; c < CLASSES; c++) { gradLogits[base + c * sizes.pixels] = real(upstream[0] * derivative[c]); }
    return;
  }

  var value: array<f32, CLASSES>;
  var largest = f32(logits[base]);
  var topDerivative = derivative[0];
  var top = 0u;
  var own = largest;
  value[0] = largest;
  for (var c = 1u; c < CLASSES; c++) {
    let logit = f32(logits[base + c * sizes.pixels]);
    value[c] = logit;
    top = select(top, c, logit > largest);
    topDerivative = select(topDerivative, derivative[c], logit > largest);
    largest = max(largest, logit);
    own = select(own, logit, c == label);
  }
  var rest = 0.0;
  var others = 0.0;
  for (var c = 0u; c < CLASSES; c++) {
    let e = exp(value[c] - largest);
    value[c] = e;
    rest += select(e, 0.0, c == top);
    others += select(e, 0.0, c == label);
  }
  let scale = 1.0 / (1.0 + rest);

  // d(overlap term)/dlogit_j = p_j (s_j - sum of s_c p_c). Slopes count from that of the largest class, and 1 - p_label is a sum of
  // the other classes: so nothing cancels where the softmax is nearly certain.
  var mean = 0.0;
  for (var c = 0u; c < CLASSES; c++) {
    derivative[c] -= topDerivative;
    mean += derivative[c] * value[c] * scale;
  }
  // The pixel term is -w (1 - p)^gamma log p of the label; its derivative by logit j is w factor (p_j - [j = label]).
  let wrong = others * scale;
  var factor = power(wrong, sizes.gamma);
  if (sizes.gamma > 0.0) {
    let loss = logOnePlus(rest) + (largest - own);
    factor += sizes.gamma * power(wrong, sizes.gamma - 1.0) * exp(own - largest) * scale * loss;
  }
  let weight = classWeights[label] + atBoundary(n, index % sizes.pixels, label);
  let pixelScale = result[3] * weight * factor;
  for (var c = 0u; c < CLASSES; c++) {
    let probability = value[c] * scale;
    let gradient = pixelScale * select(probability, -wrong, c == label) + probability * (derivative[c] - mean);
    gradLogits[base + c * sizes.pixels] = real(upstream[0] * gradient);
  }
}
