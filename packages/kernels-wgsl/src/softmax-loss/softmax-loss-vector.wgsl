// Sums of a segmentation loss over pixels, of images whose width is a multiple of 4, read by four pixels of a row, a quad: one
// workgroup sums a segment of one image, each invocation some quads of it.

alias real = f32;

const CLASSES: u32 = 3; // tunable

struct Sizes {
  batch: u32,
  quads: u32, // of an image
  segments: u32, // of an image
  segmentLength: u32, // quads
  softmax: u32, // 0 where the input is probabilities already
  gamma: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> logits: array<vec4<real>>; // [n, classes, h, w / 4]
@group(0) @binding(2) var<storage, read> labels: array<vec4u>; // [n, h, w / 4]; a label that is no class is left out
@group(0) @binding(3) var<storage, read> classWeights: array<f32>; // [2, classes]: of pixels, of Dice terms
@group(0) @binding(4) var<storage, read_write> partials: array<f32>; // [n, segments, 3 classes + 2]

const LANES: u32 = 64;
const VALUES: u32 = 3u * CLASSES + 2u;
var<workgroup> sums: array<f32, LANES * VALUES>;

// x^exponent for x in [0, 1], exact for the usual exponents.
fn power(x: vec4f, exponent: f32) -> vec4f {
  if (exponent == 0.0) { return vec4f(1.0); }
  if (exponent == 1.0) { return x; }
  if (exponent == 2.0) { return x * x; }
  return select(pow(x, vec4f(exponent)), vec4f(), x <= vec4f());
}

// log(1 + x) for x >= 0, with all digits of a small x.
fn logOnePlus(x: vec4f) -> vec4f {
  return select(log(1.0 + x), x * (1.0 - x * (0.5 - x * (0.33333333 - x * 0.25))), x < vec4f(0.03));
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
  let end = select(0u, min(first + sizes.segmentLength, sizes.quads), n < sizes.batch);

  var intersection: array<f32, CLASSES>;
  var predicted: array<f32, CLASSES>;
  var present: array<f32, CLASSES>;
  var pixelLoss = 0.0;
  var pixelWeight = 0.0;
  for (var quad = first + lane; quad < end; quad += LANES) {
    let label = labels[n * sizes.quads + quad];
    let known = label < vec4u(CLASSES);
    let base = n * CLASSES * sizes.quads + quad;
    var value: array<vec4f, CLASSES>;
    for (var c = 0u; c < CLASSES; c++) { value[c] = vec4f(logits[base + c * sizes.quads]); }
    var scale = vec4f(1.0);
    if (sizes.softmax == 1u) {
      var largest = value[0];
      var top = vec4u();
      var own = largest;
      for (var c = 1u; c < CLASSES; c++) {
        top = select(top, vec4u(c), value[c] > largest);
        largest = max(largest, value[c]);
        own = select(own, value[c], label == vec4u(c));
      }
      // The sum without its largest term, which is 1: so nothing cancels where the softmax is nearly certain.
      var rest = vec4f();
      var others = vec4f();
      var weight = vec4f();
      for (var c = 0u; c < CLASSES; c++) {
        let ours = label == vec4u(c);
        let e = exp(value[c] - largest);
        value[c] = e;
        rest += select(e, vec4f(), top == vec4u(c));
        others += select(e, vec4f(), ours);
        weight = select(weight, vec4f(classWeights[c]), ours);
      }
      scale = 1.0 / (1.0 + rest);
      let loss = power(others * scale, sizes.gamma) * (logOnePlus(rest) + (largest - own));
      pixelLoss += dot(weight, select(vec4f(), loss, known));
      pixelWeight += dot(weight, vec4f(1.0));
    }
    for (var c = 0u; c < CLASSES; c++) {
      let probability = select(vec4f(), value[c] * scale, known);
      let ours = select(vec4f(), vec4f(1.0), label == vec4u(c));
      predicted[c] += dot(probability, vec4f(1.0));
      intersection[c] += dot(probability, ours);
      present[c] += dot(ours, vec4f(1.0));
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
