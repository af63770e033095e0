// An image with rows, columns or both in reverse order: one invocation writes one element.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32,
  height: u32,
  width: u32,
  flipX: u32,
  flipY: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, c, h, w]
@group(0) @binding(2) var<storage, read_write> output: array<real>; // [n, c, h, w]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn finishOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32 { return f32(real(value)); }
fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  output[channel.base + pixel] = real(value);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = id.x + id.y * workgroups.x * 64u;
  let plane = sizes.height * sizes.width;
  if (index >= sizes.batch * sizes.channels * plane) { return; }
  let pixel = index % plane;
  let c = index / plane % sizes.channels;
  let n = index / plane / sizes.channels;
  let y = pixel / sizes.width;
  let x = pixel % sizes.width;
  let otherY = select(y, sizes.height - 1u - y, sizes.flipY != 0u);
  let otherX = select(x, sizes.width - 1u - x, sizes.flipX != 0u);
  let channel = prepareOutput(n, c);
  storeOutput(channel, finishOutput(channel, loadInput(prepareInput(n, c), otherY, otherX, otherY * sizes.width + otherX), y, x, pixel), y, x, pixel);
}
