// 3×3 convolution, stride 1, zero padding 1: one invocation computes one output element, a workgroup 64 of one channel.
// With the strides and the flip of a gradient it computes the input gradient: input is then the output's gradient.

alias real = f32;

struct Sizes {
  batch: u32,
  inChannels: u32,
  outChannels: u32,
  height: u32,
  width: u32,
  outStride: u32, // weights from one output channel to the next
  inStride: u32, // weights from one input channel to the next
  flip: u32, // 1 where the taps are turned by 180°
  groups: u32, // workgroups of one channel
  shortcutChannels: u32,
  shortcutOutStride: u32, // weights of the shortcut from one output channel to the next
  shortcutInStride: u32, // weights of the shortcut from one of its channels to the next
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<storage, read> weight: array<f32>; // [co, ci, 3, 3]
@group(0) @binding(3) var<storage, read> shortcut: array<real>; // [n, cs, h, w], see addShortcut
@group(0) @binding(4) var<storage, read> shortcutWeight: array<f32>; // [co, cs]
@group(0) @binding(5) var<storage, read_write> output: array<real>; // [n, co, h, w]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct ShortcutChannel { base: u32 }
fn prepareShortcut(n: u32, c: u32) -> ShortcutChannel {
  return ShortcutChannel((n * sizes.shortcutChannels + c) * sizes.height * sizes.width);
}
fn loadShortcut(channel: ShortcutChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(shortcut[channel.base + pixel]);
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

// The shortcut: a 1×1 convolution of other images of the same extents.
fn addShortcut(sum: ptr<function, f32>, n: u32, co: u32, y: u32, x: u32, pixel: u32) {
  for (var c = 0u; c < sizes.shortcutChannels; c++) {
    let weight = shortcutWeight[co * sizes.shortcutOutStride + c * sizes.shortcutInStride];
    *sum += weight * loadShortcut(prepareShortcut(n, c), y, x, pixel);
  }
}

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
      let taps = co * sizes.outStride + ci * sizes.inStride;
      for (var tap = 0u; tap < 9u; tap++) {
        let yTap = y + tap / 3u - 1u; // above the top edge it wraps to a huge value
        let xTap = x + tap % 3u - 1u;
        if (yTap < sizes.height && xTap < sizes.width) {
          let value = loadInput(channel, yTap, xTap, yTap * sizes.width + xTap);
          sum += weight[taps + select(tap, 8u - tap, sizes.flip == 1u)] * value;
        }
      }
    }
    addShortcut(&sum, n, co, y, x, pixel);
    let channel = prepareOutput(n, co);
    let finished = finishOutput(channel, sum, y, x, pixel);
    addToStatistics(&s, channel, finished, y, x, pixel);
    storeOutput(channel, finished, y, x, pixel);
  }
  keepStatistics(s, 0u, lane);
  if (co < sizes.outChannels) { writeStatistics(lane, group, co, sizes.outChannels); }
}
