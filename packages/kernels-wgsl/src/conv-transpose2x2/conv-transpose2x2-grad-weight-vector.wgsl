// Weight gradient of the transposed 2×2 convolution of images whose width is a multiple of 4, read by four neighboring pixels, a
// quad, and through workgroup memory: a workgroup sums 16 input × 4 output channels × 4 taps over segments of the input's
// images, 16 quads at a time. An invocation brings a quad of four input channels, and of an output channel what a quad of the
// input meets; it sums 4 input channels × 1 output channel × 4 taps over every fourth quad. At the end those of the same channels are
// summed, in a fixed order.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32, // of the input
  quads: u32, // width of the input / 4
  inBlocks: u32, // ceil(inChannels / 16)
  outBlocks: u32, // ceil(outChannels / 4)
  segments: u32, // segments of an image
  segmentQuads: u32, // quads of a segment
  totalSegments: u32, // batch * segments
  partialCount: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<vec4<real>>; // [n, ci, h, w / 4]
@group(0) @binding(2) var<storage, read> gradOutput: array<vec4<real>>; // [n, co, 2h, w / 2]
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // [partialCount, ci, co, 2, 2]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.quads);
}
fn loadInputQuad(channel: InputChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(input[channel.base + place]);
}

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.outChannels + c) * 4u * sizes.height * sizes.quads);
}
fn loadGradOutputQuad(channel: GradOutputChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(gradOutput[channel.base + place]);
}

const WORKGROUP: u32 = 64;
const IN_BLOCK: u32 = 16;
const OUT_BLOCK: u32 = 4;
const IN_GROUPS: u32 = IN_BLOCK / 4; // of four channels
const TILE_QUADS: u32 = 16;
const SLICES: u32 = WORKGROUP / (IN_GROUPS * OUT_BLOCK); // invocations of the same channels: each takes every SLICES-th quad
const PITCH: u32 = TILE_QUADS + 1; // so that invocations of different channels read different banks of memory
// Of a quad of the input, pixel by pixel: four channels, or the four taps that it meets of a channel of the gradient.
alias Quad = array<vec4f, 4>;
var<workgroup> inputs: array<Quad, IN_GROUPS * PITCH>; // [four channels][quad]
var<workgroup> gradients: array<Quad, OUT_BLOCK * PITCH>; // [channel][quad]

struct Place { y: u32, quad: u32, index: u32, inside: bool }

// Four channels of the input, prepared once for a segment.
struct InputChannels { c0: InputChannel, c1: InputChannel, c2: InputChannel, c3: InputChannel }

// The taps of a channel of the gradient, zero beyond the segment, so that what is there of the input counts nothing.
fn gradientTaps(place: Place, channel: GradOutputChannel) -> Quad {
  let y = 2u * place.y;
  let quad = 2u * place.quad;
  let upper = y * 2u * sizes.quads + quad;
  let lower = upper + 2u * sizes.quads;
  let top0 = loadGradOutputQuad(channel, y, quad, upper);
  let top1 = loadGradOutputQuad(channel, y, quad + 1u, upper + 1u);
  let bottom0 = loadGradOutputQuad(channel, y + 1u, quad, lower);
  let bottom1 = loadGradOutputQuad(channel, y + 1u, quad + 1u, lower + 1u);
  return Quad(
    select(vec4f(), vec4f(top0.xy, bottom0.xy), place.inside),
    select(vec4f(), vec4f(top0.zw, bottom0.zw), place.inside),
    select(vec4f(), vec4f(top1.xy, bottom1.xy), place.inside),
    select(vec4f(), vec4f(top1.zw, bottom1.zw), place.inside),
  );
}

// Brings a quad of both images. All is asked for before the first is kept, so that it is under way together.
fn fetch(place: Place, input: InputChannels, gradient: GradOutputChannel, lane: u32) {
  let at = lane / TILE_QUADS * PITCH + lane % TILE_QUADS;
  let values = transpose(mat4x4f(
    loadInputQuad(input.c0, place.y, place.quad, place.index),
    loadInputQuad(input.c1, place.y, place.quad, place.index),
    loadInputQuad(input.c2, place.y, place.quad, place.index),
    loadInputQuad(input.c3, place.y, place.quad, place.index),
  ));
  let taps = gradientTaps(place, gradient);
  inputs[at] = Quad(values[0], values[1], values[2], values[3]);
  gradients[at] = taps;
}

// By input channel, the four taps in a vector.
struct Sums { channels: array<vec4f, 4> }

fn addPixel(sums: ptr<function, Sums>, values: vec4f, taps: vec4f) {
  (*sums).channels[0] += taps * values.x;
  (*sums).channels[1] += taps * values.y;
  (*sums).channels[2] += taps * values.z;
  (*sums).channels[3] += taps * values.w;
}

// Adds up what the invocations of the same channels summed of an input channel, and writes it.
fn writeChannel(sums: vec4f, channel: u32, partial: u32, firstOut: u32, firstIn: u32, lane: u32) {
  workgroupBarrier(); // what lay there was read
  inputs[lane / 4u][lane % 4u] = sums;
  workgroupBarrier();
  // An invocation a tap: of 4 taps × 4 output channels × 4 input channels that are 4 apart.
  let tap = lane % 4u;
  let co = lane / 4u % OUT_BLOCK;
  let group = lane / (4u * OUT_BLOCK);
  let ci = firstIn + 4u * group + channel;
  var total = 0.0;
  for (var slice = 0u; slice < SLICES; slice++) {
    let other = (slice * OUT_BLOCK + co) * IN_GROUPS + group;
    total += inputs[other / 4u][other % 4u][tap];
  }
  if (firstOut + co < sizes.outChannels && ci < sizes.inChannels) {
    partials[4u * ((partial * sizes.inChannels + ci) * sizes.outChannels + firstOut + co) + tap] = total;
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = workgroup.x + workgroup.y * workgroups.x;
  let partial = index / (sizes.inBlocks * sizes.outBlocks);
  if (partial >= sizes.partialCount) { return; } // the whole workgroup
  let firstIn = index % sizes.inBlocks * IN_BLOCK;
  let firstOut = index / sizes.inBlocks % sizes.outBlocks * OUT_BLOCK;
  let inputAt = lane % IN_GROUPS * PITCH; // the invocation's input channels
  let gradientAt = lane / IN_GROUPS % OUT_BLOCK * PITCH; // and its output channel
  let slice = lane / (IN_GROUPS * OUT_BLOCK);

  var sums: Sums;
  let c = firstIn + 4u * (lane / TILE_QUADS); // the channels that it brings, kept inside the images
  let last = sizes.inChannels - 1u;
  for (var segment = partial; segment < sizes.totalSegments; segment += sizes.partialCount) {
    let n = segment / sizes.segments;
    let input = InputChannels(
      prepareInput(n, min(c, last)),
      prepareInput(n, min(c + 1u, last)),
      prepareInput(n, min(c + 2u, last)),
      prepareInput(n, min(c + 3u, last)),
    );
    let gradient = prepareGradOutput(n, min(firstOut + lane / TILE_QUADS, sizes.outChannels - 1u));
    let first = segment % sizes.segments * sizes.segmentQuads;
    let end = min(first + sizes.segmentQuads, sizes.height * sizes.quads);
    for (var start = first; start < end; start += TILE_QUADS) {
      let wanted = start + lane % TILE_QUADS;
      let at = min(wanted, end - 1u);
      fetch(Place(at / sizes.quads, at % sizes.quads, at, wanted < end), input, gradient, lane);
      workgroupBarrier();
      for (var i = 0u; i < TILE_QUADS / SLICES; i++) {
        let values = inputs[inputAt + slice + i * SLICES];
        let taps = gradients[gradientAt + slice + i * SLICES];
        addPixel(&sums, values[0], taps[0]);
        addPixel(&sums, values[1], taps[1]);
        addPixel(&sums, values[2], taps[2]);
        addPixel(&sums, values[3], taps[3]);
      }
      workgroupBarrier();
    }
  }
  // One call a channel, not a loop: a variable index would move the sums out of registers.
  writeChannel(sums.channels[0], 0u, partial, firstOut, firstIn, lane);
  writeChannel(sums.channels[1], 1u, partial, firstOut, firstIn, lane);
  writeChannel(sums.channels[2], 2u, partial, firstOut, firstIn, lane);
  writeChannel(sums.channels[3], 3u, partial, firstOut, firstIn, lane);
}
