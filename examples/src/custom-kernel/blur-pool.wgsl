// Halves the sides without aliasing: each output is the mean of 4×4 inputs under the weights (1 3 3 1)⊗(1 3 3 1)/64, edges
// repeated. One invocation computes one output element.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32,
  height: u32, // of the input, even
  width: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, c, h, w]
@group(0) @binding(2) var<storage, read_write> output: array<real>; // [n, c, h / 2, w / 2]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.channels + c) * (sizes.height / 2u) * (sizes.width / 2u));
}
fn finishOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32 { return f32(real(value)); }
fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  output[channel.base + pixel] = real(value);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = id.x + id.y * workgroups.x * 64u;
  let width = sizes.width / 2u;
  let plane = sizes.height / 2u * width;
  if (index >= sizes.batch * sizes.channels * plane) { return; }
  let pixel = index % plane;
  let c = index / plane % sizes.channels;
  let n = index / plane / sizes.channels;
  let y = pixel / width;
  let x = pixel % width;
  let weights = vec4f(0.125, 0.375, 0.375, 0.125);
  let rows = vec4u(max(2u * y, 1u) - 1u, 2u * y, 2u * y + 1u, min(2u * y + 2u, sizes.height - 1u));
  let columns = vec4u(max(2u * x, 1u) - 1u, 2u * x, 2u * x + 1u, min(2u * x + 2u, sizes.width - 1u));
  let channel = prepareInput(n, c);
  var sum = 0.0;
  for (var i = 0u; i < 4u; i++) {
    let first = rows[i] * sizes.width;
    sum += weights[i] * dot(weights, vec4f(
      loadInput(channel, rows[i], columns.x, first + columns.x),
      loadInput(channel, rows[i], columns.y, first + columns.y),
      loadInput(channel, rows[i], columns.z, first + columns.z),
      loadInput(channel, rows[i], columns.w, first + columns.w),
    ));
  }
  let written = prepareOutput(n, c);
  storeOutput(written, finishOutput(written, sum, y, x, pixel), y, x, pixel);
}
