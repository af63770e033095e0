// Softmax over channels: one invocation computes all channels of one pixel.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32,
  pixels: u32, // of an image
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, c, h, w]
@group(0) @binding(2) var<storage, read_write> output: array<real>; // [n, c, h, w]

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (index >= sizes.batch * sizes.pixels) { return; }
  let first = (index / sizes.pixels) * sizes.channels * sizes.pixels + index % sizes.pixels;
  var largest = f32(input[first]);
  for (var c = 1u; c < sizes.channels; c++) { largest = max(largest, f32(input[first + c * sizes.pixels])); }
  var total = 0.0;
  for (var c = 0u; c < sizes.channels; c++) { total += exp(f32(input[first + c * sizes.pixels]) - largest); }
  let scale = 1.0 / total;
  for (var c = 0u; c < sizes.channels; c++) {
    let at = first + c * sizes.pixels;
    output[at] = real(exp(f32(input[at]) - largest) * scale);
  }
}
