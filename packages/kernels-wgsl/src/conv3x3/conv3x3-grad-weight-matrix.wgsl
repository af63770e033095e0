enable f16;
enable subgroups;
enable chromium_experimental_subgroup_matrix;

// Weight gradient of the 3×3 convolution by the matrix units of a GPU: f16 products, f32 sums; of images whose width is a multiple
// of 4, read by four pixels of a row, a quad. A workgroup of four subgroups sums 32 output × 32 input channels × 9 taps over every
// `partialCount`-th tile of 8 rows × 16 columns, a subgroup 16 × 16 of them, as products of matrices of 16 × 16: output channels ×
// the pixels of a row times these pixels, as each tap sees them, × input channels. The next tile's loads are under way while the
// present one is summed.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  quads: u32, // width / 4
  inBlocks: u32, // ceil(inChannels / 32)
  outBlocks: u32, // ceil(outChannels / 32)
  rowTiles: u32, // ceil(height / 8)
  columnTiles: u32, // ceil(quads / 4)
  tiles: u32, // batch * rowTiles * columnTiles
  partialCount: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<vec4<real>>; // [n, ci, h, w / 4]
@group(0) @binding(2) var<storage, read> gradOutput: array<vec4<real>>; // [n, co, h, w / 4]
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // [partialCount, co, ci, 3, 3]

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

const WORKGROUP: u32 = 128;
const SLAB: u32 = 32; // input channels of a pixel
const ROWS: u32 = 10; // of the tile with its margin
const COLUMNS: u32 = 18;
const GRADIENT_PITCH: u32 = 144; // of an output channel: eight rows of 16 pixels, and one of zeros
const RESULT_PITCH: u32 = 20; // so that neighboring channels are in different banks
// 26 KB. A matrix begins at a multiple of 16 bytes, as the hardware asks: so the input channels of a pixel are side by side, and
// what a tap sees begins some pixels later.
var<workgroup> pixels: array<f16, ROWS * COLUMNS * SLAB>; // [row][column][input channel]
var<workgroup> gradients: array<f16, 32 * GRADIENT_PITCH>; // [output channel][row][column]
var<workgroup> results: array<f32, 4 * 16 * RESULT_PITCH>; // [subgroup][output channel][input channel]

// The matrix units, see transforms/subgroup-matrix.ts.
alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sums = subgroup_matrix_result<f32, 16, 16>;
fn subgroupOf(lane: u32, id: u32) -> u32 { return id; }
fn loadLeft(at: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&gradients, at, GRADIENT_PITCH); }
fn loadRight(at: u32) -> Right { return subgroupMatrixLoad<Right, row_major>(&pixels, at, SLAB); }
fn multiplyAdd(left: Left, right: Right, sums: Sums) -> Sums { return subgroupMatrixMultiplyAccumulate(left, right, sums); }
fn storeSums(at: u32, sums: Sums) { subgroupMatrixStore<row_major>(&results, at, sums, RESULT_PITCH); }

struct Tile { n: u32, y: u32, quad: u32 }

fn tileAt(count: u32) -> Tile {
  let rowTile = count / sizes.columnTiles;
  return Tile(rowTile / sizes.rowTiles, rowTile % sizes.rowTiles * 8u, count % sizes.columnTiles * 4u);
}

// A quad, kept inside the image.
struct Source { y: u32, quad: u32, place: u32, inside: bool }

fn sourceAt(y: u32, quad: u32) -> Source {
  let yInside = min(y, sizes.height - 1u); // above the top edge y wraps to a huge value, so does quad left of the image
  let quadInside = min(quad, sizes.quads - 1u);
  return Source(yInside, quadInside, yInside * sizes.quads + quadInside, y < sizes.height && quad < sizes.quads);
}

// A quad of a channel, zero outside the image. What is beyond the last channel is not written, and so may be anything.
fn loadPixels(n: u32, c: u32, at: Source) -> vec4<f16> {
  let quad = loadInputQuad(prepareInput(n, min(c, sizes.inChannels - 1u)), at.y, at.quad, at.place);
  return vec4<f16>(select(vec4f(), quad, at.inside));
}
fn loadGradient(n: u32, c: u32, at: Source) -> vec4<f16> {
  let quad = loadGradOutputQuad(prepareGradOutput(n, min(c, sizes.outChannels - 1u)), at.y, at.quad, at.place);
  return vec4<f16>(select(vec4f(), quad, at.inside));
}

// Four channels of a quad, and what an invocation brings of a tile: 16 input and 8 output channels. One by one: a variable index
// would move it out of registers.
alias Four = mat4x4<f16>;
struct Part { first: Four, second: Four, third: Four, fourth: Four, gradients0: Four, gradients1: Four }

fn loadFour(n: u32, c: u32, at: Source) -> Four {
  return Four(loadPixels(n, c, at), loadPixels(n, c + 1u, at), loadPixels(n, c + 2u, at), loadPixels(n, c + 3u, at));
}
fn loadGradients(n: u32, c: u32, at: Source) -> Four {
  return Four(loadGradient(n, c, at), loadGradient(n, c + 1u, at), loadGradient(n, c + 2u, at), loadGradient(n, c + 3u, at));
}

fn loadPart(tile: Tile, firstIn: u32, firstOut: u32, lane: u32) -> Part {
  let at = sourceAt(tile.y + lane % 64u / 6u - 1u, tile.quad + lane % 64u % 6u - 1u);
  let c = firstIn + lane / 64u * 16u;
  let gradientAt = sourceAt(tile.y + lane / 4u % 8u, tile.quad + lane % 4u);
  let co = firstOut + lane / 32u * 8u;
  return Part(
    loadFour(tile.n, c, at), loadFour(tile.n, c + 4u, at), loadFour(tile.n, c + 8u, at), loadFour(tile.n, c + 12u, at),
    loadGradients(tile.n, co, gradientAt), loadGradients(tile.n, co + 4u, gradientAt),
  );
}

// Four channels of a pixel.
fn keepPixel(at: u32, channels: vec4<f16>) {
  pixels[at] = channels.x;
  pixels[at + 1u] = channels.y;
  pixels[at + 2u] = channels.z;
  pixels[at + 3u] = channels.w;
}

// Of the first and the last quad of a row one pixel belongs to the tile with its margin.
fn keepFour(at: u32, column: u32, values: Four) {
  let channels = transpose(values);
  if (column > 0u) { keepPixel(at, channels[0]); }
  if (column > 0u && column < 5u) {
    keepPixel(at + SLAB, channels[1]);
    keepPixel(at + 2u * SLAB, channels[2]);
  }
  if (column < 5u) { keepPixel(at + 3u * SLAB, channels[3]); }
}

fn keepGradient(at: u32, quad: vec4<f16>) {
  gradients[at] = quad.x;
  gradients[at + 1u] = quad.y;
  gradients[at + 2u] = quad.z;
  gradients[at + 3u] = quad.w;
}

fn keepGradients(at: u32, values: Four) {
  keepGradient(at, values[0]);
  keepGradient(at + GRADIENT_PITCH, values[1]);
  keepGradient(at + 2u * GRADIENT_PITCH, values[2]);
  keepGradient(at + 3u * GRADIENT_PITCH, values[3]);
}

fn keepPart(part: Part, lane: u32) {
  let at = lane / 32u * 8u * GRADIENT_PITCH + lane % 32u * 4u; // rows of four quads follow one another
  keepGradients(at, part.gradients0);
  keepGradients(at + 4u * GRADIENT_PITCH, part.gradients1);
  let row = lane % 64u / 6u;
  let column = lane % 64u % 6u;
  if (row >= ROWS) { return; }
  let place = (row * COLUMNS + 4u * column - 3u) * SLAB + lane / 64u * 16u;
  keepFour(place, column, part.first);
  keepFour(place + 4u, column, part.second);
  keepFour(place + 8u, column, part.third);
  keepFour(place + 12u, column, part.fourth);
}

// Sums of the three taps of a row of the weight.
struct TapSums { left: Sums, middle: Sums, right: Sums }

fn addTaps(sums: ptr<function, TapSums>, gradient: Left, left: Right, middle: Right, right: Right) {
  (*sums).left = multiplyAdd(gradient, left, (*sums).left);
  (*sums).middle = multiplyAdd(gradient, middle, (*sums).middle);
  (*sums).right = multiplyAdd(gradient, right, (*sums).right);
}

// Where a workgroup's sums go.
struct Place { partial: u32, firstOut: u32, firstIn: u32 }

fn writeTap(sums: Sums, tap: u32, at: Place, subgroup: u32, lane: u32) {
  workgroupBarrier(); // what lay there was read
  storeSums(subgroup * 16u * RESULT_PITCH, sums);
  workgroupBarrier();
  for (var i = lane; i < 1024u; i += WORKGROUP) {
    let co = i / 32u;
    let ci = i % 32u;
    let place = ((co / 16u * 2u + ci / 16u) * 16u + co % 16u) * RESULT_PITCH + ci % 16u;
    if (at.firstOut + co < sizes.outChannels && at.firstIn + ci < sizes.inChannels) {
      let row = (at.partial * sizes.outChannels + at.firstOut + co) * sizes.inChannels + at.firstIn + ci;
      partials[row * 9u + tap] = results[place];
    }
  }
}

fn writeTaps(sums: TapSums, first: u32, at: Place, subgroup: u32, lane: u32) {
  writeTap(sums.left, first, at, subgroup, lane);
  writeTap(sums.middle, first + 1u, at, subgroup, lane);
  writeTap(sums.right, first + 2u, at, subgroup, lane);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) id: u32,
) {
  let index = workgroup.x + workgroup.y * workgroups.x;
  let partial = index / (sizes.inBlocks * sizes.outBlocks);
  if (partial >= sizes.partialCount) { return; } // the whole workgroup
  let subgroup = subgroupOf(lane, id);
  let at = Place(partial, index / sizes.inBlocks % sizes.outBlocks * 32u, index % sizes.inBlocks * 32u);
  let gradient = subgroup / 2u * 16u * GRADIENT_PITCH; // the subgroup's output channels, and its input channels
  let pixel = subgroup % 2u * 16u;
  for (var i = lane; i < 512u; i += WORKGROUP) { gradients[i / 16u * GRADIENT_PITCH + 128u + i % 16u] = 0.0h; }

  var upper: TapSums;
  var middle: TapSums;
  var lower: TapSums;
  // One round more than there are tiles: each asks for its tile, and sums the one that was asked for before.
  var part: Part;
  for (var count = partial; count < sizes.tiles + sizes.partialCount; count += sizes.partialCount) {
    if (count > partial) {
      keepPart(part, lane);
      workgroupBarrier();
    }
    if (count < sizes.tiles) { part = loadPart(tileAt(count), at.firstIn, at.firstOut, lane); }
    if (count == partial) { continue; }
    // A row of the input meets that of the gradient below it, the one beside it and the one above; outside the tile are zeros.
    var beside = loadLeft(gradient + 128u);
    var above = beside;
    for (var row = 0u; row < ROWS; row++) {
      let below = loadLeft(gradient + min(row, 8u) * 16u);
      let first = row * COLUMNS * SLAB + pixel;
      let right0 = loadRight(first);
      let right1 = loadRight(first + SLAB);
      let right2 = loadRight(first + 2u * SLAB);
      addTaps(&upper, below, right0, right1, right2);
      addTaps(&middle, beside, right0, right1, right2);
      addTaps(&lower, above, right0, right1, right2);
      above = beside;
      beside = below;
    }
    workgroupBarrier();
  }
  writeTaps(upper, 0u, at, subgroup, lane);
  writeTaps(middle, 3u, at, subgroup, lane);
  writeTaps(lower, 6u, at, subgroup, lane);
}
