// Gradient of the mean of the largest cross-entropies: one invocation computes the gradient of all classes of one pixel.

alias real = f32;

const CLASSES: u32 = 3; // tunable

struct Sizes {
  batch: u32,
  pixels: u32, // of an image
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> logits: array<real>; // [n, classes, h, w]
@group(0) @binding(2) var<storage, read> labels: array<u32>; // [n, h, w]; a label that is no class is left out
@group(0) @binding(3) var<storage, read> values: array<f32>; // [n, h, w], from top-k-loss.wgsl
@group(0) @binding(4) var<storage, read> result: array<f32>; // [4], from top-k-finish.wgsl
@group(0) @binding(5) var<storage, read> upstream: array<f32>; // [1]: the gradient of the mean
@group(0) @binding(6) var<storage, read_write> gradLogits: array<real>; // [n, classes, h, w]

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (index >= sizes.batch * sizes.pixels) { return; }
  let label = labels[index];
  let base = index / sizes.pixels * CLASSES * sizes.pixels + index % sizes.pixels;
  let bits = bitcast<u32>(values[index]);
  let threshold = bitcast<u32>(result[1]);
  var weight = 0.0;
  if (bits > threshold) { weight = result[2]; }
  if (bits == threshold) { weight = result[3]; }
  if (label >= CLASSES) { weight = 0.0; }
  if (weight == 0.0) {
    for (var c = 0u; c < CLASSES; c++) { gradLogits[base + c * sizes.pixels] = real(0.0); }
    return;
  }
  var value: array<f32, CLASSES>;
  var largest = f32(logits[base]);
  value[0] = largest;
  for (var c = 1u; c < CLASSES; c++) {
    value[c] = f32(logits[base + c * sizes.pixels]);
    largest = max(largest, value[c]);
  }
  var total = 0.0;
  var others = 0.0;
  for (var c = 0u; c < CLASSES; c++) {
    let e = exp(value[c] - largest);
    value[c] = e;
    total += e;
    others += select(e, 0.0, c == label);
  }
  // d(-log p_t)/dlogit_c = p_c - [c = t]; 1 - p_t is a sum of the other classes, so that nothing cancels.
  let scale = upstream[0] * weight / total;
  for (var c = 0u; c < CLASSES; c++) {
    gradLogits[base + c * sizes.pixels] = real(scale * select(value[c], -others, c == label));
  }
}
