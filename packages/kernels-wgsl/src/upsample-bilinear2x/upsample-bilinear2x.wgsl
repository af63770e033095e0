// Bilinear interpolation to twice the height and width, pixel centers half a pixel inside the edges (PyTorch's
// align_corners = False): one invocation computes one output element.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32,
  height: u32, // of the input
  width: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, c, h, w]
@group(0) @binding(2) var<storage, read_write> output: array<real>; // [n, c, 2h, 2w]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.channels + c) * sizes.height * sizes.width * 4u);
}
fn finishOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32 { return f32(real(value)); }
fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  output[channel.base + pixel] = real(value);
}

// The neighbor that an output place leans to: the one before for even places, the one after for odd ones.
fn neighbor(place: u32, length: u32) -> u32 {
  let own = place / 2u;
  return select(max(own, 1u) - 1u, min(own + 1u, length - 1u), place % 2u == 1u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = id.x + id.y * workgroups.x * 64u;
  let width = 2u * sizes.width;
  let plane = 2u * sizes.height * width;
  if (index >= sizes.batch * sizes.channels * plane) { return; }
  let pixel = index % plane;
  let c = index / plane % sizes.channels;
  let n = index / plane / sizes.channels;
  let y = pixel / width;
  let x = pixel % width;
  let y0 = y / 2u;
  let x0 = x / 2u;
  let y1 = neighbor(y, sizes.height);
  let x1 = neighbor(x, sizes.width);
  let channel = prepareInput(n, c);
  let near = 0.75 * loadInput(channel, y0, x0, y0 * sizes.width + x0) +
    0.25 * loadInput(channel, y0, x1, y0 * sizes.width + x1);
  let far = 0.75 * loadInput(channel, y1, x0, y1 * sizes.width + x0) +
    0.25 * loadInput(channel, y1, x1, y1 * sizes.width + x1);
  let written = prepareOutput(n, c);
  storeOutput(written, finishOutput(written, 0.75 * near + 0.25 * far, y, x, pixel), y, x, pixel);
}
