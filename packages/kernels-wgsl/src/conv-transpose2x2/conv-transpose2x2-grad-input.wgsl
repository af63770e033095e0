// Input gradient of the transposed 2×2 convolution: one invocation computes one element, a workgroup 64 of one channel.
// output[n, co, y, x] = Σ over ci, dy, dx of weight[co, ci, dy, dx] · input[n, ci, 2y + dy, 2x + dx]; input is gradOutput.

alias real = f32;

struct Sizes {
  batch: u32,
  inChannels: u32, // of gradOutput
  outChannels: u32, // of the gradient
  height: u32, // of the gradient
  width: u32, // of the gradient
  groups: u32, // workgroups of one channel
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, 2h, 2w]
@group(0) @binding(2) var<storage, read> weight: array<f32>; // [co, ci, 2, 2]
@group(0) @binding(3) var<storage, read_write> output: array<real>; // [n, co, h, w]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * 4u * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.outChannels + c) * sizes.height * sizes.width);
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
  let index = workgroup.x + workgroup.y * workgroups.x;
  let co = index / sizes.groups;
  let group = index % sizes.groups;
  let pixels = sizes.height * sizes.width;
  let element = group * LANES + lane;
  let n = element / pixels;
  let pixel = element % pixels;
  let y = pixel / sizes.width;
  let x = pixel % sizes.width;

  var s: Statistics;
  if (co < sizes.outChannels && n < sizes.batch) {
    var sum = 0.0;
    for (var ci = 0u; ci < sizes.inChannels; ci++) {
      let channel = prepareInput(n, ci);
      for (var tap = 0u; tap < 4u; tap++) {
        let yTap = 2u * y + tap / 2u;
        let xTap = 2u * x + tap % 2u;
        let value = loadInput(channel, yTap, xTap, yTap * 2u * sizes.width + xTap);
        sum += weight[(co * sizes.inChannels + ci) * 4u + tap] * value;
      }
    }
    let channel = prepareOutput(n, co);
    let finished = finishOutput(channel, sum, y, x, pixel);
    addToStatistics(&s, channel, finished, y, x, pixel);
    storeOutput(channel, finished, y, x, pixel);
  }
  keepStatistics(s, 0u, lane);
  if (co < sizes.outChannels) { writeStatistics(lane, group, co, sizes.outChannels); }
}
