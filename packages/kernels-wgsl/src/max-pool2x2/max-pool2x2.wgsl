// 2×2 max-pooling, stride 2: an invocation computes one output element; an odd last row or column is dropped.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32,
  height: u32,
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
  let height = sizes.height / 2u;
  let width = sizes.width / 2u;
  if (index >= sizes.batch * sizes.channels * height * width) { return; }
  let pixel = index % (height * width);
  let y = pixel / width;
  let x = pixel % width;
  let c = index / (height * width) % sizes.channels;
  let n = index / (height * width) / sizes.channels;
  let channel = prepareInput(n, c);
  let corner = 2u * y * sizes.width + 2u * x;
  let a = loadInput(channel, 2u * y, 2u * x, corner);
  let b = loadInput(channel, 2u * y, 2u * x + 1u, corner + 1u);
  let d = loadInput(channel, 2u * y + 1u, 2u * x, corner + sizes.width);
  let e = loadInput(channel, 2u * y + 1u, 2u * x + 1u, corner + sizes.width + 1u);
  let written = prepareOutput(n, c);
  storeOutput(written, finishOutput(written, max(max(a, b), max(d, e)), y, x, pixel), y, x, pixel);
}
