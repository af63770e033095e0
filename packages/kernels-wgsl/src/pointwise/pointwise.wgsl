// Copies an image; the arithmetic is what a compiler inlines into its slots. A workgroup takes 256 elements of one channel,
// counted through all samples; an invocation takes four of them, 64 apart.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32,
  height: u32,
  width: u32,
  chunks: u32, // workgroups of a channel
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

const LANES: u32 = 64;
const CHANNEL_BLOCK: u32 = 1;
struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
fn addToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = workgroup.x + workgroup.y * workgroups.x;
  let c = group / sizes.chunks;
  let chunk = group % sizes.chunks;
  let plane = sizes.height * sizes.width;
  var s: Statistics;
  if (c < sizes.channels) {
    for (var step = 0u; step < 4u; step++) {
      let index = (chunk * 4u + step) * LANES + lane;
      if (index < sizes.batch * plane) {
        let n = index / plane;
        let pixel = index % plane;
        let y = pixel / sizes.width;
        let x = pixel % sizes.width;
        let value = loadInput(prepareInput(n, c), y, x, pixel);
        let channel = prepareOutput(n, c);
        let finished = finishOutput(channel, value, y, x, pixel);
        addToStatistics(&s, channel, finished, y, x, pixel);
        storeOutput(channel, finished, y, x, pixel);
      }
    }
  }
  keepStatistics(s, 0u, lane);
  if (c < sizes.channels) { writeStatistics(lane, chunk, c, sizes.channels); }
}
