// Weight gradient of the 1×1 convolution of images whose width is a multiple of 4, read by four neighboring pixels, a quad,
// and through workgroup memory: a workgroup sums OUT_BLOCK output × IN_BLOCK input channels over segments of images,
// TILE_QUADS quads at a time. An invocation brings a quad of four channels of either image, and sums 4 × 4 channels over some
// of the quads; at the end those of the same channels are summed, in a fixed order.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  quads: u32, // width / 4
  inBlocks: u32, // ceil(inChannels / IN_BLOCK)
  outBlocks: u32, // ceil(outChannels / OUT_BLOCK)
  segments: u32, // segments of an image
  segmentQuads: u32, // quads of a segment
  totalSegments: u32, // batch * segments
  partialCount: u32,
  weights: u32, // convolutions whose inputs follow one another in the input's channels
  split: u32, // channels of the input's image, where those of another follow: a multiple of IN_BLOCK
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<vec4<real>>; // [n, split, h, w / 4]
@group(0) @binding(2) var<storage, read> second: array<vec4<real>>; // [n, ci - split, h, w / 4], see secondPixels
@group(0) @binding(3) var<storage, read> gradOutput: array<vec4<real>>; // [n, co, h, w / 4]
@group(0) @binding(4) var<storage, read_write> partials: array<f32>; // [partialCount, weights, co, ci / weights]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.split + c) * sizes.height * sizes.quads);
}
fn loadInputQuad(channel: InputChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(input[channel.base + place]);
}

struct SecondChannel { base: u32 }
fn prepareSecond(n: u32, c: u32) -> SecondChannel {
  return SecondChannel((n * (sizes.inChannels - sizes.split) + c) * sizes.height * sizes.quads);
}
fn loadSecondQuad(channel: SecondChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(second[channel.base + place]);
}

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.outChannels + c) * sizes.height * sizes.quads);
}
fn loadGradOutputQuad(channel: GradOutputChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(gradOutput[channel.base + place]);
}

const WORKGROUP: u32 = 64;
const IN_BLOCK: u32 = 16; // or 8 or 4, see sharingOf in conv1x1.ts
const OUT_BLOCK: u32 = 16; // or 8 or 4
const IN_GROUPS: u32 = IN_BLOCK / 4; // of four channels
const OUT_GROUPS: u32 = OUT_BLOCK / 4;
const SLICES: u32 = WORKGROUP / (IN_GROUPS * OUT_GROUPS); // invocations of the same channels: each takes every SLICES-th quad
const TILE_QUADS: u32 = max(SLICES, 16); // so that each has one at least
const PITCH: u32 = TILE_QUADS + 1; // so that invocations of different channels read different banks of memory
// Four channels of a quad, pixel by pixel.
alias Quad = array<vec4f, 4>;
var<workgroup> inputs: array<Quad, IN_GROUPS * PITCH>; // [four channels][quad]
var<workgroup> gradients: array<Quad, OUT_GROUPS * PITCH>; // [four channels][quad]

struct Place { n: u32, y: u32, quad: u32, index: u32, inside: bool }

// The pixels of four channels of a quad of the input, zero beyond the segment.
fn inputPixels(place: Place, c: u32) -> mat4x4f {
  let last = sizes.split - 1u;
  return transpose(mat4x4f(
    loadInputQuad(prepareInput(place.n, min(c, last)), place.y, place.quad, place.index),
    loadInputQuad(prepareInput(place.n, min(c + 1u, last)), place.y, place.quad, place.index),
    loadInputQuad(prepareInput(place.n, min(c + 2u, last)), place.y, place.quad, place.index),
    loadInputQuad(prepareInput(place.n, min(c + 3u, last)), place.y, place.quad, place.index),
  ));
}

// The same of the image whose channels follow those of the first.
fn secondPixels(place: Place, c: u32) -> mat4x4f {
  let last = sizes.inChannels - 1u;
  return transpose(mat4x4f(
    loadSecondQuad(prepareSecond(place.n, min(c, last) - sizes.split), place.y, place.quad, place.index),
    loadSecondQuad(prepareSecond(place.n, min(c + 1u, last) - sizes.split), place.y, place.quad, place.index),
    loadSecondQuad(prepareSecond(place.n, min(c + 2u, last) - sizes.split), place.y, place.quad, place.index),
    loadSecondQuad(prepareSecond(place.n, min(c + 3u, last) - sizes.split), place.y, place.quad, place.index),
  ));
}

fn isSecond(firstIn: u32) -> bool { return firstIn >= sizes.split; }

// The pixels of four channels of a quad of the gradient.
fn gradientPixels(place: Place, c: u32) -> mat4x4f {
  let last = sizes.outChannels - 1u;
  return transpose(mat4x4f(
    loadGradOutputQuad(prepareGradOutput(place.n, min(c, last)), place.y, place.quad, place.index),
    loadGradOutputQuad(prepareGradOutput(place.n, min(c + 1u, last)), place.y, place.quad, place.index),
    loadGradOutputQuad(prepareGradOutput(place.n, min(c + 2u, last)), place.y, place.quad, place.index),
    loadGradOutputQuad(prepareGradOutput(place.n, min(c + 3u, last)), place.y, place.quad, place.index),
  ));
}

// Brings a quad of both images. All channels are asked for before the first is kept, so that they are under way together.
// What is beyond the segment counts nothing where the gradient is zero.
fn fetch(place: Place, firstIn: u32, firstOut: u32, lane: u32) {
  let group = lane / TILE_QUADS; // which four channels
  let quad = lane % TILE_QUADS;
  let c = firstIn + 4u * min(group, IN_GROUPS - 1u);
  var values: mat4x4f;
  // All of a workgroup take the same way.
  if (isSecond(firstIn)) { values = secondPixels(place, c); } else { values = inputPixels(place, c); }
  let gradient = gradientPixels(place, firstOut + 4u * min(group, OUT_GROUPS - 1u));
  if (group < IN_GROUPS) {
    inputs[group * PITCH + quad] = Quad(values[0], values[1], values[2], values[3]);
  }
  if (group < OUT_GROUPS) {
    gradients[group * PITCH + quad] = Quad(
      select(vec4f(), gradient[0], place.inside),
      select(vec4f(), gradient[1], place.inside),
      select(vec4f(), gradient[2], place.inside),
      select(vec4f(), gradient[3], place.inside),
    );
  }
}

// By input channel, the four output channels in a vector.
struct Sums { channels: array<vec4f, 4> }

fn addPixel(sums: ptr<function, Sums>, values: vec4f, gradient: vec4f) {
  (*sums).channels[0] += gradient * values.x;
  (*sums).channels[1] += gradient * values.y;
  (*sums).channels[2] += gradient * values.z;
  (*sums).channels[3] += gradient * values.w;
}

// Adds up what the invocations of the same channels summed of an input channel, and writes it.
fn writeChannel(sums: vec4f, channel: u32, partial: u32, firstOut: u32, firstIn: u32, lane: u32) {
  workgroupBarrier(); // what lay there was read
  inputs[lane / 4u][lane % 4u] = sums;
  workgroupBarrier();
  if (lane >= IN_GROUPS * OUT_BLOCK) { return; }
  let each = sizes.inChannels / sizes.weights;
  let co = lane % OUT_BLOCK;
  let input = firstIn + lane / OUT_BLOCK * 4u + channel;
  var total = 0.0;
  for (var slice = 0u; slice < SLICES; slice++) {
    let other = (slice * OUT_GROUPS + co / 4u) * IN_GROUPS + lane / OUT_BLOCK;
    total += inputs[other / 4u][other % 4u][co % 4u];
  }
  if (firstOut + co < sizes.outChannels && input < sizes.inChannels) {
    let row = (partial * sizes.weights + input / each) * sizes.outChannels + firstOut + co;
    partials[row * each + input % each] = total;
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
  let gradientAt = lane / IN_GROUPS % OUT_GROUPS * PITCH; // and its output channels
  let slice = lane / (IN_GROUPS * OUT_GROUPS);

  var sums: Sums;
  for (var segment = partial; segment < sizes.totalSegments; segment += sizes.partialCount) {
    let first = segment % sizes.segments * sizes.segmentQuads;
    let end = min(first + sizes.segmentQuads, sizes.height * sizes.quads);
    for (var start = first; start < end; start += TILE_QUADS) {
      let wanted = start + lane % TILE_QUADS;
      let at = min(wanted, end - 1u);
      let place = Place(segment / sizes.segments, at / sizes.quads, at % sizes.quads, at, wanted < end);
      fetch(place, firstIn, firstOut, lane);
      workgroupBarrier();
      for (var quad = slice; quad < TILE_QUADS; quad += SLICES) {
        let values = inputs[inputAt + quad];
        let gradient = gradients[gradientAt + quad];
        addPixel(&sums, values[0], gradient[0]);
        addPixel(&sums, values[1], gradient[1]);
        addPixel(&sums, values[2], gradient[2]);
        addPixel(&sums, values[3], gradient[3]);
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
