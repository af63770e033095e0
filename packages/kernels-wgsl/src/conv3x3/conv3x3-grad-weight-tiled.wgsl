// Weight gradient of the 3×3 convolution, through workgroup memory: a workgroup sums 32 output × 16 input channels × 9 taps,
// an invocation 8 output channels × 1 input channel × 9 taps. Tiles of 4 rows × 16 columns of both images are brought into
// workgroup memory, so that each value is loaded once for all pairs of channels; a workgroup takes every
// `partialCount`-th tile. Each sum has one owner, who adds in a fixed order and writes it at the end.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  width: u32,
  inBlocks: u32, // ceil(inChannels / 16)
  outBlocks: u32, // ceil(outChannels / 32)
  rowTiles: u32, // ceil(height / 4)
  columnTiles: u32, // ceil(width / 16)
  tiles: u32, // batch * rowTiles * columnTiles
  partialCount: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<storage, read> gradOutput: array<real>; // [n, co, h, w]
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // [partialCount, co, ci, 3, 3]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.outChannels + c) * sizes.height * sizes.width);
}
fn loadGradOutput(channel: GradOutputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(gradOutput[channel.base + pixel]);
}

const WORKGROUP: u32 = 64;
const OUT_BLOCK: u32 = 32;
const IN_BLOCK: u32 = 16;
const ROWS: u32 = 4;
const COLUMNS: u32 = 16;
const MARGIN_ROWS: u32 = ROWS + 2; // of the input's tile with its margin
const MARGIN_COLUMNS: u32 = COLUMNS + 2;
// The input channels of neighbouring invocations lie in different banks, as do the gradients that they store.
const INPUT_PITCH: u32 = MARGIN_ROWS * MARGIN_COLUMNS + 1;
const GRADIENT_PITCH: u32 = OUT_BLOCK / 4 + 1;
var<workgroup> inputs: array<f32, IN_BLOCK * INPUT_PITCH>; // [channel][row][column]
var<workgroup> gradients: array<vec4f, ROWS * COLUMNS * GRADIENT_PITCH>; // [row][column][four channels]

struct Tile { n: u32, y: u32, x: u32 }

// Brings the input's tile, zero outside the image.
fn fetchInputs(tile: Tile, firstIn: u32, lane: u32) {
  for (var c = 0u; c < IN_BLOCK; c++) {
    let channel = prepareInput(tile.n, min(firstIn + c, sizes.inChannels - 1u));
    for (var i = lane; i < MARGIN_ROWS * MARGIN_COLUMNS; i += WORKGROUP) {
      let y = tile.y + i / MARGIN_COLUMNS - 1u; // above the top edge it wraps to a huge value
      let x = tile.x + i % MARGIN_COLUMNS - 1u;
      let yInside = min(y, sizes.height - 1u);
      let xInside = min(x, sizes.width - 1u);
      let value = loadInput(channel, yInside, xInside, yInside * sizes.width + xInside);
      inputs[c * INPUT_PITCH + i] = select(0.0, value, y < sizes.height && x < sizes.width);
    }
  }
}

// Brings the gradient's tile, zero outside the image: an invocation four channels of every eighth pixel.
fn fetchGradients(tile: Tile, firstOut: u32, lane: u32) {
  let quad = lane / 8u;
  let co = min(vec4u(firstOut + 4u * quad) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.outChannels - 1u));
  let channel0 = prepareGradOutput(tile.n, co.x);
  let channel1 = prepareGradOutput(tile.n, co.y);
  let channel2 = prepareGradOutput(tile.n, co.z);
  let channel3 = prepareGradOutput(tile.n, co.w);
  for (var i = lane % 8u; i < ROWS * COLUMNS; i += 8u) {
    let y = min(tile.y + i / COLUMNS, sizes.height - 1u);
    let x = min(tile.x + i % COLUMNS, sizes.width - 1u);
    let pixel = y * sizes.width + x;
    let value = vec4f(
      loadGradOutput(channel0, y, x, pixel),
      loadGradOutput(channel1, y, x, pixel),
      loadGradOutput(channel2, y, x, pixel),
      loadGradOutput(channel3, y, x, pixel),
    );
    let inside = tile.y + i / COLUMNS < sizes.height && tile.x + i % COLUMNS < sizes.width;
    gradients[i * GRADIENT_PITCH + quad] = select(vec4f(), value, inside);
  }
}

// What the taps of a column see: three pixels of the input, one below the other.
fn inputColumn(at: u32) -> vec3f {
  return vec3f(inputs[at], inputs[at + MARGIN_COLUMNS], inputs[at + 2u * MARGIN_COLUMNS]);
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

fn writeTap(sums: vec4f, partial: u32, firstOut: u32, ci: u32, tap: u32) {
  for (var i = 0u; i < 4u; i++) {
    if (firstOut + i < sizes.outChannels && ci < sizes.inChannels) {
      partials[((partial * sizes.outChannels + firstOut + i) * sizes.inChannels + ci) * 9u + tap] = sums[i];
    }
  }
}

fn writeSums(sums: Sums, partial: u32, firstOut: u32, ci: u32) {
  // One call a tap, not a loop: a variable index would move the sums out of registers.
  writeTap(sums.taps[0], partial, firstOut, ci, 0u);
  writeTap(sums.taps[1], partial, firstOut, ci, 1u);
  writeTap(sums.taps[2], partial, firstOut, ci, 2u);
  writeTap(sums.taps[3], partial, firstOut, ci, 3u);
  writeTap(sums.taps[4], partial, firstOut, ci, 4u);
  writeTap(sums.taps[5], partial, firstOut, ci, 5u);
  writeTap(sums.taps[6], partial, firstOut, ci, 6u);
  writeTap(sums.taps[7], partial, firstOut, ci, 7u);
  writeTap(sums.taps[8], partial, firstOut, ci, 8u);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = workgroup.x + workgroup.y * workgroups.x;
  let partial = group / (sizes.inBlocks * sizes.outBlocks);
  if (partial >= sizes.partialCount) { return; } // the whole workgroup
  let firstIn = group % sizes.inBlocks * IN_BLOCK;
  let firstOut = group / sizes.inBlocks % sizes.outBlocks * OUT_BLOCK;
  let inputAt = lane % IN_BLOCK * INPUT_PITCH; // the invocation's input channel
  let quad = lane / IN_BLOCK * 2u; // and the first of its output channels, in fours

  var low: Sums;
  var high: Sums;
  for (var index = partial; index < sizes.tiles; index += sizes.partialCount) {
    let rowTile = index / sizes.columnTiles;
    let tile = Tile(
      rowTile / sizes.rowTiles,
      rowTile % sizes.rowTiles * ROWS,
      index % sizes.columnTiles * COLUMNS,
    );
    fetchInputs(tile, firstIn, lane);
    fetchGradients(tile, firstOut, lane);
    workgroupBarrier();
    for (var row = 0u; row < ROWS; row++) {
      let at = inputAt + row * MARGIN_COLUMNS;
      var left = inputColumn(at);
      var middle = inputColumn(at + 1u);
      for (var column = 0u; column < COLUMNS; column++) {
        let right = inputColumn(at + column + 2u);
        let gradient = (row * COLUMNS + column) * GRADIENT_PITCH + quad;
        addPixel(&low, gradients[gradient], left, middle, right);
        addPixel(&high, gradients[gradient + 1u], left, middle, right);
        left = middle;
        middle = right;
      }
    }
    workgroupBarrier();
  }
  let ci = firstIn + lane % IN_BLOCK;
  writeSums(low, partial, firstOut + 4u * quad, ci);
  writeSums(high, partial, firstOut + 4u * quad + 4u, ci);
}
