// Weight gradient of the 3×3 convolution of images whose width is a multiple of 4, read by four pixels of a row, a quad, and
// through workgroup memory: a workgroup sums OUT_BLOCK output × 8 input channels × 9 taps over every `partialCount`-th tile of
// 8 rows × 16 columns. An invocation sums 4 output channels × 1 input channel × 9 taps over some of the rows, each row in one
// go: what it reads of a row is at constant distances, and needs neither an address nor a check of its own. At the end the sums of
// the same channels are added up, in a fixed order.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  quads: u32, // width / 4
  inBlocks: u32, // ceil(inChannels / 8)
  outBlocks: u32, // ceil(outChannels / OUT_BLOCK)
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
fn loadInput(channel: InputChannel, y: u32, quad: u32, place: u32, part: u32) -> f32 {
  return f32(input[channel.base + place][part]);
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

const OUT_BLOCK: u32 = 16; // or 8, see overTiles in conv3x3-tiled.ts
const IN_BLOCK: u32 = 8;
const GROUPS: u32 = OUT_BLOCK / 4; // of four output channels
const WORKGROUP: u32 = 32 * GROUPS; // so that each invocation brings four channels of a quad of the gradient
const STEP: u32 = GROUPS; // rows of the input that a workgroup brings at a time
const SLICES: u32 = WORKGROUP / (IN_BLOCK * GROUPS); // invocations of the same channels: each takes every SLICES-th row
const WHOLE: u32 = 0; // 1: nothing of a tile of the gradient is outside the images or of a block beyond the channels
const AHEAD: u32 = 0; // 1: the next tile is asked for before the present one is summed, so that its loads are under way meanwhile
const ROWS: u32 = 8;
const QUADS: u32 = 4;
const INPUT_ROWS: u32 = ROWS + 3; // two of margin, and one so that the channels are in different banks of memory
// A row of the input's tile: the pixel to its right, nothing, nothing, the pixel to its left, then four quads.
alias InputRow = array<vec4f, QUADS + 1>;
// Four channels of a row of the gradient's tile, pixel by pixel.
alias GradientRow = array<vec4f, 4 * QUADS>;
// 16 KiB at most: that much every WebGPU device has.
var<workgroup> inputs: array<InputRow, IN_BLOCK * INPUT_ROWS>;
var<workgroup> gradients: array<GradientRow, GROUPS * ROWS>;

struct Tile { n: u32, y: u32, quad: u32 }

fn tileAt(count: u32) -> Tile {
  let rowTile = count / sizes.columnTiles;
  return Tile(rowTile / sizes.rowTiles, rowTile % sizes.rowTiles * ROWS, count % sizes.columnTiles * QUADS);
}

// What an invocation brings of the input's tile: a channel of three rows, or of five where STEP is 2, and of each row a pixel of the
// margin where it brings the first or the last quad.
struct InputPart { rows: mat3x4f, moreRows: mat2x4f, margins: vec3f, moreMargins: vec2f }

// And of both tiles: four channels of a quad of the gradient besides.
struct Part { gradients: mat4x4f, input: InputPart }

fn loadPart(tile: Tile, firstIn: u32, firstOut: u32, lane: u32) -> Part {
  let quad = tile.quad + lane % QUADS;
  let y = tile.y + lane / QUADS % ROWS;
  let quadInside = select(min(quad, sizes.quads - 1u), quad, WHOLE == 1u);
  let yInside = select(min(y, sizes.height - 1u), y, WHOLE == 1u);
  let place = yInside * sizes.quads + quadInside;
  let last = select(sizes.outChannels - 1u, 0xffffffffu, WHOLE == 1u);
  let first = firstOut + lane / (QUADS * ROWS) * 4u;
  let inside = WHOLE == 1u || (y < sizes.height && quad < sizes.quads);
  let channel0 = prepareGradOutput(tile.n, min(first, last));
  let channel1 = prepareGradOutput(tile.n, min(first + 1u, last));
  let channel2 = prepareGradOutput(tile.n, min(first + 2u, last));
  let channel3 = prepareGradOutput(tile.n, min(first + 3u, last));
  var part: Part;
  part.gradients = mat4x4f(
    select(vec4f(), loadGradOutputQuad(channel0, yInside, quadInside, place), inside),
    select(vec4f(), loadGradOutputQuad(channel1, yInside, quadInside, place), inside),
    select(vec4f(), loadGradOutputQuad(channel2, yInside, quadInside, place), inside),
    select(vec4f(), loadGradOutputQuad(channel3, yInside, quadInside, place), inside),
  );
  part.input = loadInputPart(tile, lane, firstIn);
  return part;
}

// Where a quad of the input is, kept inside the image, and whether it was there; beside it the pixel of the margin.
struct Place { y: u32, quad: u32, index: u32, inside: bool }

fn placeAt(y: u32, quad: u32) -> Place {
  let yInside = min(y, sizes.height - 1u); // above the top edge y wraps to a huge value, so does quad left of the image
  let quadInside = min(quad, sizes.quads - 1u);
  return Place(yInside, quadInside, yInside * sizes.quads + quadInside, y < sizes.height && quad < sizes.quads);
}

// The place of the pixel to the left of the tile for its first quad, to the right for its last.
fn marginAt(y: u32, quad: u32, side: u32) -> Place { return placeAt(y, select(quad + 1u, quad - 1u, side == 0u)); }

fn loadInputPart(tile: Tile, lane: u32, firstIn: u32) -> InputPart {
  let channel = prepareInput(tile.n, min(firstIn + lane / QUADS % IN_BLOCK, sizes.inChannels - 1u));
  let row = tile.y + lane / 32u - 1u;
  let side = lane % QUADS;
  let quad = tile.quad + side;
  var part: InputPart;
  part.rows = mat3x4f(
    inputQuad(channel, placeAt(row, quad)),
    inputQuad(channel, placeAt(row + STEP, quad)),
    inputQuad(channel, placeAt(row + 2u * STEP, quad)),
  );
  if (STEP == 2u) {
    part.moreRows = mat2x4f(inputQuad(channel, placeAt(row + 6u, quad)), inputQuad(channel, placeAt(row + 8u, quad)));
  }
  if (side == 0u || side == QUADS - 1u) {
    part.margins = vec3f(
      inputPixel(channel, marginAt(row, quad, side), side),
      inputPixel(channel, marginAt(row + STEP, quad, side), side),
      inputPixel(channel, marginAt(row + 2u * STEP, quad, side), side),
    );
    if (STEP == 2u) {
      part.moreMargins = vec2f(
        inputPixel(channel, marginAt(row + 6u, quad, side), side),
        inputPixel(channel, marginAt(row + 8u, quad, side), side),
      );
    }
  }
  return part;
}

// A quad of the input, and a pixel of one, zero outside the image.
fn inputQuad(channel: InputChannel, at: Place) -> vec4f {
  return select(vec4f(), loadInputQuad(channel, at.y, at.quad, at.index), at.inside);
}
fn inputPixel(channel: InputChannel, at: Place, side: u32) -> f32 {
  return select(0.0, loadInput(channel, at.y, at.quad, at.index, select(0u, 3u, side == 0u)), at.inside);
}

fn keepPart(part: Part, lane: u32) {
  let quad = lane % QUADS;
  let pixels = transpose(part.gradients); // the channels of a pixel
  let gradientRow = lane / QUADS; // group by group
  gradients[gradientRow][quad * 4u] = pixels[0];
  gradients[gradientRow][quad * 4u + 1u] = pixels[1];
  gradients[gradientRow][quad * 4u + 2u] = pixels[2];
  gradients[gradientRow][quad * 4u + 3u] = pixels[3];
  let row = lane / QUADS % IN_BLOCK * INPUT_ROWS + lane / 32u;
  keepRow(row, quad, part.input.rows[0], part.input.margins.x);
  keepRow(row + STEP, quad, part.input.rows[1], part.input.margins.y);
  if (STEP == 2u || lane < 64u) { keepRow(row + 2u * STEP, quad, part.input.rows[2], part.input.margins.z); }
  if (STEP == 2u) {
    keepRow(row + 6u, quad, part.input.moreRows[0], part.input.moreMargins.x);
    keepRow(row + 8u, quad, part.input.moreRows[1], part.input.moreMargins.y);
  }
}

fn keepRow(row: u32, quad: u32, values: vec4f, margin: f32) {
  inputs[row][quad + 1u] = values;
  if (quad == 0u) { inputs[row][0].w = margin; }
  if (quad == QUADS - 1u) { inputs[row][0].x = margin; }
}

// Sums of the nine taps, four output channels in a vector.
struct Sums { taps: array<vec4f, 9> }

fn addPixel(sums: ptr<function, Sums>, gradient: vec4f, left: vec3f, middle: vec3f, right: vec3f) {
  (*sums).taps[0] += gradient * left.x;
  (*sums).taps[1] += gradient * middle.x;
  (*sums).taps[2] += gradient * right.x;
  (*sums).taps[3] += gradient * left.y;
  (*sums).taps[4] += gradient * middle.y;
  (*sums).taps[5] += gradient * right.y;
  (*sums).taps[6] += gradient * left.z;
  (*sums).taps[7] += gradient * middle.z;
  (*sums).taps[8] += gradient * right.z;
}

// Three rows of a quad of the input, and the pixels on either side.
struct Window { left: vec3f, upper: vec4f, middle: vec4f, lower: vec4f, right: vec3f }

fn addQuad(sums: ptr<function, Sums>, g0: vec4f, g1: vec4f, g2: vec4f, g3: vec4f, w: Window) {
  let column0 = vec3f(w.upper.x, w.middle.x, w.lower.x);
  let column1 = vec3f(w.upper.y, w.middle.y, w.lower.y);
  let column2 = vec3f(w.upper.z, w.middle.z, w.lower.z);
  let column3 = vec3f(w.upper.w, w.middle.w, w.lower.w);
  addPixel(sums, g0, w.left, column0, column1);
  addPixel(sums, g1, column0, column1, column2);
  addPixel(sums, g2, column1, column2, column3);
  addPixel(sums, g3, column2, column3, w.right);
}

// Adds a row of the gradient's tile; `row` is the first of the three rows of the input that it meets.
fn addRow(sums: ptr<function, Sums>, row: u32, gradientRow: u32) {
  let a = inputs[row];
  let b = inputs[row + 1u];
  let c = inputs[row + 2u];
  let g = gradients[gradientRow];
  let window0 = Window(vec3f(a[0].w, b[0].w, c[0].w), a[1], b[1], c[1], vec3f(a[2].x, b[2].x, c[2].x));
  addQuad(sums, g[0], g[1], g[2], g[3], window0);
  let window1 = Window(vec3f(a[1].w, b[1].w, c[1].w), a[2], b[2], c[2], vec3f(a[3].x, b[3].x, c[3].x));
  addQuad(sums, g[4], g[5], g[6], g[7], window1);
  let window2 = Window(vec3f(a[2].w, b[2].w, c[2].w), a[3], b[3], c[3], vec3f(a[4].x, b[4].x, c[4].x));
  addQuad(sums, g[8], g[9], g[10], g[11], window2);
  let window3 = Window(vec3f(a[3].w, b[3].w, c[3].w), a[4], b[4], c[4], vec3f(a[0].x, b[0].x, c[0].x));
  addQuad(sums, g[12], g[13], g[14], g[15], window3);
}

const OWNERS: u32 = IN_BLOCK * GROUPS; // invocations that sum different channels

fn keepSums(sums: vec4f, place: u32) { inputs[place / 5u][place % 5u] = sums; }

// Adds up what the invocations of the same channels summed for three taps, and writes it. Their sums lie where the input lay.
fn writeTaps(first: u32, tap0: vec4f, tap1: vec4f, tap2: vec4f, partial: u32, firstOut: u32, firstIn: u32, lane: u32) {
  workgroupBarrier(); // what lay there was read
  keepSums(tap0, lane);
  keepSums(tap1, WORKGROUP + lane);
  keepSums(tap2, 2u * WORKGROUP + lane);
  workgroupBarrier();
  let ci = firstIn + lane % IN_BLOCK;
  let co = firstOut + lane / IN_BLOCK % GROUPS * 4u;
  if (lane >= 3u * OWNERS || ci >= sizes.inChannels || co >= sizes.outChannels) { return; }
  var total = vec4f();
  for (var slice = 0u; slice < SLICES; slice++) {
    let place = lane / OWNERS * WORKGROUP + slice * OWNERS + lane % OWNERS;
    total += inputs[place / 5u][place % 5u];
  }
  let step = 9u * sizes.inChannels;
  let place = (partial * sizes.outChannels + co) * step + 9u * ci + first + lane / OWNERS;
  partials[place] = total.x;
  if (co + 1u < sizes.outChannels) { partials[place + step] = total.y; }
  if (co + 2u < sizes.outChannels) { partials[place + 2u * step] = total.z; }
  if (co + 3u < sizes.outChannels) { partials[place + 3u * step] = total.w; }
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
  let inputRow = lane % IN_BLOCK * INPUT_ROWS; // the first of the invocation's input channel
  let gradientRow = lane / IN_BLOCK % GROUPS * ROWS; // and of its output channels
  let slice = lane / (IN_BLOCK * GROUPS);

  var sums: Sums;
  var part: Part;
  if (AHEAD == 1u) { part = loadPart(tileAt(partial), firstIn, firstOut, lane); }
  for (var count = partial; count < sizes.tiles; count += sizes.partialCount) {
    if (AHEAD == 0u) { part = loadPart(tileAt(count), firstIn, firstOut, lane); }
    keepPart(part, lane);
    workgroupBarrier();
    if (AHEAD == 1u) { // after the last tile one that nobody keeps
      part = loadPart(tileAt(min(count + sizes.partialCount, sizes.tiles - 1u)), firstIn, firstOut, lane);
    }
    for (var row = slice; row < ROWS; row += SLICES) { addRow(&sums, inputRow + row, gradientRow + row); }
    workgroupBarrier();
  }
  // Calls, not a loop: a variable index would move the sums out of registers.
  writeTaps(0u, sums.taps[0], sums.taps[1], sums.taps[2], partial, firstOut, firstIn, lane);
  writeTaps(3u, sums.taps[3], sums.taps[4], sums.taps[5], partial, firstOut, firstIn, lane);
  writeTaps(6u, sums.taps[6], sums.taps[7], sums.taps[8], partial, firstOut, firstIn, lane);
}
