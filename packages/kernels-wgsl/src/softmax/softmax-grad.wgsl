// Gradient of the softmax over channels: one invocation computes all channels of one pixel.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32,
  pixels: u32, // of an image
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> output: array<real>; // [n, c, h, w], of the forward kernel
@group(0) @binding(2) var<storage, read> gradOutput: array<real>; // [n, c, h, w]
@group(0) @binding(3) var<storage, read_write> gradInput: array<real>; // [n, c, h, w]

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
  // Gradients count from that of the most probable channel: nothing cancels where it is nearly certain.
  var largest = f32(output[first]);
  var origin = f32(gradOutput[first]);
  for (var c = 1u; c < sizes.channels; c++) {
    let probability = f32(output[first + c * sizes.pixels]);
    if (probability > largest) {
      largest = probability;
      origin = f32(gradOutput[first + c * sizes.pixels]);
    }
  }
  var mean = 0.0;
  for (var c = 0u; c < sizes.channels; c++) {
    let at = first + c * sizes.pixels;
    mean += f32(output[at]) * (f32(gradOutput[at]) - origin);
  }
  for (var c = 0u; c < sizes.channels; c++) {
    let at = first + c * sizes.pixels;
    gradInput[at] = real(f32(output[at]) * (f32(gradOutput[at]) - origin - mean));
  }
}
