// Cross-entropy of each pixel: one invocation computes one.

alias real = f32;

const CLASSES: u32 = 3; // tunable

struct Sizes {
  batch: u32,
  pixels: u32, // of an image
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> logits: array<real>; // [n, classes, h, w]
@group(0) @binding(2) var<storage, read> labels: array<u32>; // [n, h, w]; a label that is no class has no loss
@group(0) @binding(3) var<storage, read_write> values: array<f32>; // [n, h, w]

const LANES: u32 = 64;

// log(1 + x) for x >= 0, with all digits of a small x.
fn logOnePlus(x: f32) -> f32 {
  if (x < 0.03) { return x * (1.0 - x * (0.5 - x * (0.33333333 - x * 0.25))); }
  return log(1.0 + x);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (index >= sizes.batch * sizes.pixels) { return; }
  let label = labels[index];
  if (label >= CLASSES) {
    values[index] = 0.0;
    return;
  }
  let base = index / sizes.pixels * CLASSES * sizes.pixels + index % sizes.pixels;
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
  // The sum without its largest term, which is 1: so nothing cancels where the softmax is nearly certain.
  var rest = 0.0;
  for (var c = 0u; c < CLASSES; c++) { rest += select(exp(value[c] - largest), 0.0, c == top); }
  values[index] = logOnePlus(rest) + (largest - own);
}
