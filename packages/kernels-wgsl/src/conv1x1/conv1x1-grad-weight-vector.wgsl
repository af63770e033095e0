// Weight gradient of the 1×1 convolution of images whose width is a multiple of 4, read by four neighboring pixels, a quad,
// and through workgroup memory: a workgroup sums OUT_BLOCK output × IN_BLOCK input channels over segments of images,
// TILE_QUADS quads at a time. An invocation brings a quad of four channels of either image, and sums 4 × 4 channels over some
// of the quads; at the end the sums of the same channels are added up, in a fixed order.

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
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<vec4<real>>; // [n, ci, h, w / 4]
@group(0) @binding(2) var<storage, read> gradOutput: array<vec4<real>>; // [n, co, h, w / 4]
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // [partialCount, weights, co, ci / weights]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.quads);
}
fn loadInputQuad(channel: InputChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(input[channel.base + place]);
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
const OWNERS: u32 = IN_GROUPS * OUT_GROUPS; // invocations that sum different channels
const SLICES: u32 = WORKGROUP / OWNERS; // invocations of the same channels: each takes every SLICES-th quad
const TILE_QUADS: u32 = WORKGROUP / max(IN_GROUPS, OUT_GROUPS); // so that each invocation brings some: SLICES or a multiple
const PARTS: u32 = SLICES / 4;
const PITCH: u32 = TILE_QUADS + 1; // so that invocations of different channels read different banks of memory
// Four channels of a quad, pixel by pixel.
alias Quad = array<vec4f, 4>;
var<workgroup> tile: array<Quad, (IN_GROUPS + OUT_GROUPS) * PITCH>; // [four channels][quad], the gradient's after the input's

struct Place { y: u32, quad: u32, index: u32, inside: bool }

// Four channels of an image of the input, and of the gradient: prepared once for a segment.
struct InputChannels { c0: InputChannel, c1: InputChannel, c2: InputChannel, c3: InputChannel }
struct GradientChannels { c0: GradOutputChannel, c1: GradOutputChannel, c2: GradOutputChannel, c3: GradOutputChannel }

// Brings a quad of both images. All channels are asked for before the first is kept, so that they are under way together.
// What is beyond the segment counts nothing where the gradient is zero.
fn fetch(place: Place, input: InputChannels, gradient: GradientChannels, lane: u32) {
  let group = lane / TILE_QUADS; // which four channels
  let quad = lane % TILE_QUADS;
  let values = transpose(mat4x4f(
    loadInputQuad(input.c0, place.y, place.quad, place.index),
    loadInputQuad(input.c1, place.y, place.quad, place.index),
    loadInputQuad(input.c2, place.y, place.quad, place.index),
    loadInputQuad(input.c3, place.y, place.quad, place.index),
  ));
  let gradients = transpose(mat4x4f(
    loadGradOutputQuad(gradient.c0, place.y, place.quad, place.index),
    loadGradOutputQuad(gradient.c1, place.y, place.quad, place.index),
    loadGradOutputQuad(gradient.c2, place.y, place.quad, place.index),
    loadGradOutputQuad(gradient.c3, place.y, place.quad, place.index),
  ));
  if (group < IN_GROUPS) {
    tile[group * PITCH + quad] = Quad(values[0], values[1], values[2], values[3]);
  }
  if (group < OUT_GROUPS) {
    tile[(IN_GROUPS + group) * PITCH + quad] = Quad(
      select(vec4f(), gradients[0], place.inside),
      select(vec4f(), gradients[1], place.inside),
      select(vec4f(), gradients[2], place.inside),
      select(vec4f(), gradients[3], place.inside),
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

// Sums over every `partialCount`-th segment.
fn sumSegments(partial: u32, firstOut: u32, lane: u32, firstIn: u32) -> Sums {
  let inputAt = lane % IN_GROUPS * PITCH; // the invocation's input channels
  let gradientAt = (IN_GROUPS + lane / IN_GROUPS % OUT_GROUPS) * PITCH; // and its output channels
  let slice = lane / OWNERS;
  // The channels that it brings, kept inside the images.
  let c = firstIn + 4u * min(lane / TILE_QUADS, IN_GROUPS - 1u);
  let co = firstOut + 4u * min(lane / TILE_QUADS, OUT_GROUPS - 1u);
  let lastIn = sizes.inChannels - 1u;
  let lastOut = sizes.outChannels - 1u;
  var sums: Sums;
  for (var segment = partial; segment < sizes.totalSegments; segment += sizes.partialCount) {
    let n = segment / sizes.segments;
    let input = InputChannels(
      prepareInput(n, min(c, lastIn)),
      prepareInput(n, min(c + 1u, lastIn)),
      prepareInput(n, min(c + 2u, lastIn)),
      prepareInput(n, min(c + 3u, lastIn)),
    );
    let gradient = GradientChannels(
      prepareGradOutput(n, min(co, lastOut)),
      prepareGradOutput(n, min(co + 1u, lastOut)),
      prepareGradOutput(n, min(co + 2u, lastOut)),
      prepareGradOutput(n, min(co + 3u, lastOut)),
    );
    let first = segment % sizes.segments * sizes.segmentQuads;
    let end = min(first + sizes.segmentQuads, sizes.height * sizes.quads);
    for (var start = first; start < end; start += TILE_QUADS) {
      let wanted = start + lane % TILE_QUADS;
      let at = min(wanted, end - 1u);
      fetch(Place(at / sizes.quads, at % sizes.quads, at, wanted < end), input, gradient, lane);
      workgroupBarrier();
      for (var i = 0u; i < TILE_QUADS / SLICES; i++) {
        let values = tile[inputAt + slice + i * SLICES];
        let gradients = tile[gradientAt + slice + i * SLICES];
        addPixel(&sums, values[0], gradients[0]);
        addPixel(&sums, values[1], gradients[1]);
        addPixel(&sums, values[2], gradients[2]);
        addPixel(&sums, values[3], gradients[3]);
      }
      workgroupBarrier();
    }
  }
  return sums;
}

// Adds up what the invocations of the same channels summed, and writes it: an invocation adds up one input channel of four
// others, then one of each PARTS adds up theirs.
fn writeSums(sums: Sums, partial: u32, firstOut: u32, firstIn: u32, lane: u32) {
  let channel = lane % 4u;
  let owner = lane / 4u % OWNERS;
  tile[lane] = sums.channels; // what lay there was read
  workgroupBarrier();
  var total = vec4f();
  for (var i = 0u; i < 4u; i++) { total += tile[(lane / (4u * OWNERS) * 4u + i) * OWNERS + owner][channel]; }
  if (PARTS > 1u) {
    workgroupBarrier();
    tile[lane / 4u][channel] = total;
    workgroupBarrier();
    total = vec4f();
    for (var part = 0u; part < PARTS; part++) { total += tile[part * OWNERS + owner][channel]; }
  }
  let input = firstIn + 4u * (owner % IN_GROUPS) + channel;
  let co = firstOut + 4u * (owner / IN_GROUPS);
  if (lane >= 4u * OWNERS || input >= sizes.inChannels || co >= sizes.outChannels) { return; }
  let each = sizes.inChannels / sizes.weights;
  let place = ((partial * sizes.weights + input / each) * sizes.outChannels + co) * each + input % each;
  partials[place] = total.x;
  if (co + 1u < sizes.outChannels) { partials[place + each] = total.y; }
  if (co + 2u < sizes.outChannels) { partials[place + 2u * each] = total.z; }
  if (co + 3u < sizes.outChannels) { partials[place + 3u * each] = total.w; }
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
  writeSums(sumSegments(partial, firstOut, lane, firstIn), partial, firstOut, firstIn, lane);
}
