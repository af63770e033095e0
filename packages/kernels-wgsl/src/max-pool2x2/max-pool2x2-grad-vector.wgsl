// Gradient of 2×2 max-pooling of images whose width is a multiple of 8 and whose height is even, read and written by four
// pixels of a row, a quad: an invocation writes four windows side by side; in each the first maximum in row-major order takes
// all of the gradient. A workgroup takes 256 windows of one channel, through all samples.

alias real = f32;

struct Sizes {
  channels: u32,
  height: u32,
  quads: u32, // width / 4
  tiles: u32, // of a channel: batch * height / 2 * quads / 2
  chunks: u32, // workgroups of a channel
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<vec4<real>>; // [n, c, h, w / 4]
@group(0) @binding(2) var<storage, read> gradOutput: array<vec4<real>>; // [n, c, h / 2, w / 8]
@group(0) @binding(3) var<storage, read_write> output: array<vec4<real>>; // [n, c, h, w / 4]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.channels + c) * sizes.height * sizes.quads);
}
fn loadInputQuad(channel: InputChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(input[channel.base + place]);
}

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.channels + c) * (sizes.height / 2u) * (sizes.quads / 2u));
}
fn loadGradOutputQuad(channel: GradOutputChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(gradOutput[channel.base + place]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.channels + c) * sizes.height * sizes.quads);
}
fn finishOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(vec4<real>(value));
}
fn storeOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {
  output[channel.base + place] = vec4<real>(value);
}

const LANES: u32 = 64;
const CHANNEL_BLOCK: u32 = 1;
struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
fn addQuadToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}

// The gradient of a window's four pixels, row by row: all of it where the first maximum is.
fn spread(upper: vec2f, lower: vec2f, gradient: f32) -> vec4f {
  let second = upper.y > upper.x;
  let best = select(upper.x, upper.y, second);
  let third = lower.x > best;
  let fourth = lower.y > select(best, lower.x, third);
  return select(
    vec4f(),
    vec4f(gradient),
    vec4<bool>(!(second || third || fourth), second && !third && !fourth, third && !fourth, fourth),
  );
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
  let index = chunk * LANES + lane;
  var s: Statistics;
  if (c < sizes.channels && index < sizes.tiles) {
    let columns = sizes.quads / 2u;
    let column = index % columns;
    let row = index / columns % (sizes.height / 2u);
    let n = index / columns / (sizes.height / 2u);
    let y = 2u * row;
    let quad = 2u * column;
    let upper = y * sizes.quads + quad;
    let lower = upper + sizes.quads;
    let channel = prepareInput(n, c);
    let upper0 = loadInputQuad(channel, y, quad, upper);
    let upper1 = loadInputQuad(channel, y, quad + 1u, upper + 1u);
    let lower0 = loadInputQuad(channel, y + 1u, quad, lower);
    let lower1 = loadInputQuad(channel, y + 1u, quad + 1u, lower + 1u);
    let gradient = loadGradOutputQuad(prepareGradOutput(n, c), row, column, row * columns + column);
    let window0 = spread(upper0.xy, lower0.xy, gradient.x);
    let window1 = spread(upper0.zw, lower0.zw, gradient.y);
    let window2 = spread(upper1.xy, lower1.xy, gradient.z);
    let window3 = spread(upper1.zw, lower1.zw, gradient.w);
    let to = prepareOutput(n, c);
    // All are finished before the first is stored, so that what they load is under way together.
    let finished0 = finishOutputQuad(to, vec4f(window0.xy, window1.xy), y, quad, upper);
    let finished1 = finishOutputQuad(to, vec4f(window2.xy, window3.xy), y, quad + 1u, upper + 1u);
    let finished2 = finishOutputQuad(to, vec4f(window0.zw, window1.zw), y + 1u, quad, lower);
    let finished3 = finishOutputQuad(to, vec4f(window2.zw, window3.zw), y + 1u, quad + 1u, lower + 1u);
    addQuadToStatistics(&s, to, finished0, y, quad, upper);
    addQuadToStatistics(&s, to, finished1, y, quad + 1u, upper + 1u);
    addQuadToStatistics(&s, to, finished2, y + 1u, quad, lower);
    addQuadToStatistics(&s, to, finished3, y + 1u, quad + 1u, lower + 1u);
    storeOutputQuad(to, finished0, y, quad, upper);
    storeOutputQuad(to, finished1, y, quad + 1u, upper + 1u);
    storeOutputQuad(to, finished2, y + 1u, quad, lower);
    storeOutputQuad(to, finished3, y + 1u, quad + 1u, lower + 1u);
  }
  keepStatistics(s, 0u, lane);
  if (c < sizes.channels) { writeStatistics(lane, chunk, c, sizes.channels); }
}
