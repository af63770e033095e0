// Reads an image whose width is a multiple of 4, four pixels of a row, a quad, at a time, for the sake of its sums by channel (the
// statistics slot); stores nothing else. A workgroup takes 256 quads of one channel of one sample; an invocation takes four of
// them, 64 apart.

alias real = f32;

struct Sizes {
  channels: u32,
  height: u32,
  quads: u32, // width / 4
  parts: u32, // workgroups of a channel of one sample
  chunks: u32, // workgroups of a channel: batch * parts
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<vec4<real>>; // [n, c, h, w / 4]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.channels + c) * sizes.height * sizes.quads);
}
fn loadInputQuad(channel: InputChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(input[channel.base + place]);
}

struct OutputChannel { unused: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel(0u);
}
fn finishOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) -> vec4f { return value; }
fn storeOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {}

const LANES: u32 = 64;
const CHANNEL_BLOCK: u32 = 1;
struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
fn addQuadToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {}
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
  var s: Statistics;
  if (c < sizes.channels) {
    let n = chunk / sizes.parts;
    let image = prepareInput(n, c);
    let channel = prepareOutput(n, c);
    for (var step = 0u; step < 4u; step++) {
      let place = (chunk % sizes.parts * 4u + step) * LANES + lane;
      if (place < sizes.height * sizes.quads) {
        let y = place / sizes.quads;
        let quad = place % sizes.quads;
        let finished = finishOutputQuad(channel, loadInputQuad(image, y, quad, place), y, quad, place);
        addQuadToStatistics(&s, channel, finished, y, quad, place);
        storeOutputQuad(channel, finished, y, quad, place);
      }
    }
  }
  keepStatistics(s, 0u, lane);
  if (c < sizes.channels) { writeStatistics(lane, chunk, c, sizes.channels); }
}
