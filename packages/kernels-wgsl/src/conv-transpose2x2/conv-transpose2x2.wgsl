// Transposed 2×2 convolution, stride 2: one invocation computes one output element.
// output[n, co, 2y + dy, 2x + dx] = Σ over ci of weight[ci, co, dy, dx] · input[n, ci, y, x]

alias real = f32;

struct Sizes {
  batch: u32,
  inChannels: u32,
  outChannels: u32,
  height: u32, // of the input
  width: u32, // of the input
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<storage, read> weight: array<f32>; // [ci, co, 2, 2]
@group(0) @binding(3) var<storage, read_write> output: array<real>; // [n, co, 2h, 2w]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.outChannels + c) * 4u * sizes.height * sizes.width);
}
fn finishOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32 { return f32(real(value)); }
fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  output[channel.base + pixel] = real(value);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * 64u + lane;
  let pixels = 4u * sizes.height * sizes.width;
  let pixel = index % pixels;
  let co = index / pixels % sizes.outChannels;
  let n = index / pixels / sizes.outChannels;
  let y = pixel / (2u * sizes.width);
  let x = pixel % (2u * sizes.width);
  if (n < sizes.batch) {
    var sum = 0.0;
    for (var ci = 0u; ci < sizes.inChannels; ci++) {
      let value = loadInput(prepareInput(n, ci), y / 2u, x / 2u, y / 2u * sizes.width + x / 2u);
      sum += weight[(ci * sizes.outChannels + co) * 4u + y % 2u * 2u + x % 2u] * value;
    }
    let channel = prepareOutput(n, co);
    storeOutput(channel, finishOutput(channel, sum, y, x, pixel), y, x, pixel);
  }
}
