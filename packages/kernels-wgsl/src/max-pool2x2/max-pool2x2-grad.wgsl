// Gradient of 2×2 max-pooling: an invocation writes one 2×2 window of the input's gradient; the first maximum in row-major
// order takes all of it. Windows at an odd edge get zero. A workgroup takes 64 windows of one channel, through all samples.

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
@group(0) @binding(2) var<storage, read> gradOutput: array<real>; // [n, c, h / 2, w / 2]
@group(0) @binding(3) var<storage, read_write> output: array<real>; // [n, c, h, w]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.channels + c) * (sizes.height / 2u) * (sizes.width / 2u));
}
fn loadGradOutput(channel: GradOutputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(gradOutput[channel.base + pixel]);
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

fn storeElement(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32) {
  if (y < sizes.height && x < sizes.width) {
    let pixel = y * sizes.width + x;
    let finished = finishOutput(channel, value, y, x, pixel);
    addToStatistics(s, channel, finished, y, x, pixel);
    storeOutput(channel, finished, y, x, pixel);
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = workgroup.x + workgroup.y * workgroups.x;
  let c = group / sizes.chunks;
  let chunk = group % sizes.chunks;
  let rows = (sizes.height + 1u) / 2u;
  let columns = (sizes.width + 1u) / 2u;
  let index = chunk * LANES + lane;
  var s: Statistics;
  if (c < sizes.channels && index < sizes.batch * rows * columns) {
    let window = index % (rows * columns);
    let n = index / (rows * columns);
    let row = window / columns;
    let column = window % columns;
    let y = 2u * row;
    let x = 2u * column;
    var winner = 4u; // none
    var gradient = 0.0;
    if (y + 1u < sizes.height && x + 1u < sizes.width) {
      let channel = prepareInput(n, c);
      let corner = y * sizes.width + x;
      var best = loadInput(channel, y, x, corner);
      winner = 0u;
      let b = loadInput(channel, y, x + 1u, corner + 1u);
      if (b > best) { best = b; winner = 1u; }
      let d = loadInput(channel, y + 1u, x, corner + sizes.width);
      if (d > best) { best = d; winner = 2u; }
      let e = loadInput(channel, y + 1u, x + 1u, corner + sizes.width + 1u);
      if (e > best) { best = e; winner = 3u; }
      gradient = loadGradOutput(prepareGradOutput(n, c), row, column, row * (sizes.width / 2u) + column);
    }
    let channel = prepareOutput(n, c);
    storeElement(&s, channel, select(0.0, gradient, winner == 0u), y, x);
    storeElement(&s, channel, select(0.0, gradient, winner == 1u), y, x + 1u);
    storeElement(&s, channel, select(0.0, gradient, winner == 2u), y + 1u, x);
    storeElement(&s, channel, select(0.0, gradient, winner == 3u), y + 1u, x + 1u);
  }
  keepStatistics(s, 0u, lane);
  if (c < sizes.channels) { writeStatistics(lane, chunk, c, sizes.channels); }
}
