// Sums of a segmentation loss over pixels: one workgroup sums a segment of one image, each invocation some pixels of it.

alias real = f32;

const CLASSES: u32 = 3; // tunable
const RADIUS: u32 = 0; // tunable: how far from another class a pixel is of a boundary; 0: none is

struct Sizes {
  batch: u32,
  pixels: u32, // of an image
  segments: u32, // of an image
  segmentLength: u32, // pixels
  softmax: u32, // 0 where the input is probabilities already
  gamma: f32,
  width: u32, // of an image
  boundaryWeight: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> logits: array<real>; // [n, classes, h, w]
@group(0) @binding(2) var<storage, read> labels: array<u32>; // [n, h, w]; a label that is no class is left out
@group(0) @binding(3) var<storage, read> classWeights: array<f32>; // [2, classes]: of pixels, of Dice terms
@group(0) @binding(4) var<storage, read_write> partials: array<f32>; // [n, segments, 3 classes + 2]

const LANES: u32 = 64;
const VALUES: u32 = 3u * CLASSES + 2u;
var<workgroup> sums: array<f32, LANES * VALUES>;

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
  let index = workgroup.x + workgroup.y * workgroups.x;
  let n = index / sizes.segments;
  let first = (index % sizes.segments) * sizes.segmentLength;
  let end = select(0u, min(first + sizes.segmentLength, sizes.pixels), n < sizes.batch);

  var intersection: array<f32, CLASSES>;
  var predicted: array<f32, CLASSES>;
  var present: array<f32, CLASSES>;
  var pixelLoss = 0.0;
  var pixelWeight = 0.0;
  for (var pixel = first + lane; pixel < end; pixel += LANES) {
    let label = labels[n * sizes.pixels + pixel];
    if (label >= CLASSES) { continue; }
    let base = n * CLASSES * sizes.pixels + pixel;
    var value: array<f32, CLASSES>;
    var largest = f32(logits[base]);
    var top = 0u;
    var own = largest;
    value[0] = largest;
    for (var c = 1u; c < CLASSES; c++) {
      let logit = f32(logits[base + c * sizes.pixels]);
      value[c] = logit;
      top = select(top, c, logit > largest);
      largest = max(largest, logit);
      own = select(own, logit, c == label);
    }
    var scale = 1.0;
    if (sizes.softmax == 1u) {
      // The sum without its largest term, which is 1: so nothing cancels where the softmax is nearly certain.
      var rest = 0.0;
      var others = 0.0;
      for (var c = 0u; c < CLASSES; c++) {
        let e = exp(value[c] - largest);
        value[c] = e;
        rest += select(e, 0.0, c == top);
        others += select(e, 0.0, c == label);
      }
      scale = 1.0 / (1.0 + rest);
      let weight = classWeights[label] + atBoundary(n, pixel, label);
      pixelLoss += weight * power(others * scale, sizes.gamma) * (logOnePlus(rest) + (largest - own));
      pixelWeight += weight;
    }
    for (var c = 0u; c < CLASSES; c++) {
      let probability = value[c] * scale;
      predicted[c] += probability;
      intersection[c] += select(0.0, probability, c == label);
      present[c] += select(0.0, 1.0, c == label);
    }
  }

  let kept = lane * VALUES;
  for (var c = 0u; c < CLASSES; c++) {
    sums[kept + 3u * c] = intersection[c];
    sums[kept + 3u * c + 1u] = predicted[c];
    sums[kept + 3u * c + 2u] = present[c];
  }
  sums[kept + 3u * CLASSES] = pixelLoss;
  sums[kept + 3u * CLASSES + 1u] = pixelWeight;
  workgroupBarrier();
  if (n < sizes.batch && lane < VALUES) {
    var sum = 0.0;
    for (var i = 0u; i < LANES; i++) { sum += sums[i * VALUES + lane]; }
    partials[index * VALUES + lane] = sum;
  }
}
