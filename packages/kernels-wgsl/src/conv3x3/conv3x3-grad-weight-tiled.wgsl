// Weight gradient of the 3×3 convolution, through workgroup memory: a workgroup sums OUT_BLOCK output × 8 input channels × 9
// taps over every `partialCount`-th tile of 8 rows × 16 columns. Both images' tiles are brought into workgroup memory, so that
// what it takes to load a value is done once for all pairs of channels. An invocation sums 4 output channels × 1 input
// channel × 9 taps over some of the rows; at the end those of the same channels are summed, in a fixed order.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  width: u32,
  inBlocks: u32, // ceil(inChannels / 8)
  outBlocks: u32, // ceil(outChannels / OUT_BLOCK)
  rowTiles: u32, // ceil(height / 8)
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

const WORKGROUP: u32 = 128;
const OUT_BLOCK: u32 = 16; // or 8, see conv3x3GradWeightTiled
const IN_BLOCK: u32 = 8;
const QUADS: u32 = OUT_BLOCK / 4; // of output channels
const SLICES: u32 = WORKGROUP / (IN_BLOCK * QUADS); // invocations of the same channels: each takes every SLICES-th row
const ROWS: u32 = 8;
const COLUMNS: u32 = 16; // a pixel an invocation
const MARGIN_COLUMNS: u32 = COLUMNS + 2; // of the input's tile with its margin
const MARGIN_PIXELS: u32 = (ROWS + 2) * MARGIN_COLUMNS; // fewer than two an invocation
// With these the invocations that run together read different banks of memory.
const ROW_PITCH: u32 = MARGIN_COLUMNS + 2;
const INPUT_PITCH: u32 = (ROWS + 2) * ROW_PITCH + 1;
const GRADIENT_PITCH: u32 = COLUMNS + 1;
const QUAD_PITCH: u32 = ROWS * GRADIENT_PITCH + 1;
// 16 KiB at most: that much every WebGPU device has.
var<workgroup> inputs: array<f32, IN_BLOCK * INPUT_PITCH>; // [channel][row][column]
var<workgroup> gradients: array<vec4f, QUADS * QUAD_PITCH>; // [four channels][row][column]

struct Tile { n: u32, y: u32, x: u32 }

// A pixel of one of the images, kept inside it.
struct Pixel { n: u32, y: u32, x: u32, index: u32, inside: bool }

fn pixelAt(tile: Tile, y: u32, x: u32) -> Pixel {
  let yInside = min(y, sizes.height - 1u);
  let xInside = min(x, sizes.width - 1u);
  return Pixel(tile.n, yInside, xInside, yInside * sizes.width + xInside, y < sizes.height && x < sizes.width);
}

// Four channels of the input, zero outside the image.
fn inputQuad(pixel: Pixel, c: u32) -> vec4f {
  let last = sizes.inChannels - 1u;
  let values = vec4f(
    loadInput(prepareInput(pixel.n, min(c, last)), pixel.y, pixel.x, pixel.index),
    loadInput(prepareInput(pixel.n, min(c + 1u, last)), pixel.y, pixel.x, pixel.index),
    loadInput(prepareInput(pixel.n, min(c + 2u, last)), pixel.y, pixel.x, pixel.index),
    loadInput(prepareInput(pixel.n, min(c + 3u, last)), pixel.y, pixel.x, pixel.index),
  );
  return select(vec4f(), values, pixel.inside);
}

// Four channels of the gradient, zero outside the image.
fn gradientQuad(pixel: Pixel, c: u32) -> vec4f {
  let last = sizes.outChannels - 1u;
  let values = vec4f(
    loadGradOutput(prepareGradOutput(pixel.n, min(c, last)), pixel.y, pixel.x, pixel.index),
    loadGradOutput(prepareGradOutput(pixel.n, min(c + 1u, last)), pixel.y, pixel.x, pixel.index),
    loadGradOutput(prepareGradOutput(pixel.n, min(c + 2u, last)), pixel.y, pixel.x, pixel.index),
    loadGradOutput(prepareGradOutput(pixel.n, min(c + 3u, last)), pixel.y, pixel.x, pixel.index),
  );
  return select(vec4f(), values, pixel.inside);
}

fn keepInputs(at: u32, low: vec4f, high: vec4f) {
  inputs[at] = low.x;
  inputs[at + INPUT_PITCH] = low.y;
  inputs[at + 2u * INPUT_PITCH] = low.z;
  inputs[at + 3u * INPUT_PITCH] = low.w;
  inputs[at + 4u * INPUT_PITCH] = high.x;
  inputs[at + 5u * INPUT_PITCH] = high.y;
  inputs[at + 6u * INPUT_PITCH] = high.z;
  inputs[at + 7u * INPUT_PITCH] = high.w;
}

// Brings the tiles. All that an invocation loads is asked for before the first is kept, so that it is under way together.
fn fetch(tile: Tile, firstIn: u32, firstOut: u32, lane: u32) {
  let pixel = pixelAt(tile, tile.y + lane / COLUMNS, tile.x + lane % COLUMNS);
  let gradient0 = gradientQuad(pixel, firstOut);
  let gradient1 = gradientQuad(pixel, firstOut + 4u);
  var gradient2: vec4f;
  var gradient3: vec4f;
  if (QUADS > 2u) {
    gradient2 = gradientQuad(pixel, firstOut + 8u);
    gradient3 = gradientQuad(pixel, firstOut + 12u);
  }
  // Above the top edge and left of the image coordinates wrap to a huge value.
  let margin = pixelAt(tile, tile.y + lane / MARGIN_COLUMNS - 1u, tile.x + lane % MARGIN_COLUMNS - 1u);
  let low = inputQuad(margin, firstIn);
  let high = inputQuad(margin, firstIn + 4u);

  let at = lane / COLUMNS * GRADIENT_PITCH + lane % COLUMNS;
  gradients[at] = gradient0;
  gradients[at + QUAD_PITCH] = gradient1;
  if (QUADS > 2u) {
    gradients[at + 2u * QUAD_PITCH] = gradient2;
    gradients[at + 3u * QUAD_PITCH] = gradient3;
  }
  keepInputs(lane / MARGIN_COLUMNS * ROW_PITCH + lane % MARGIN_COLUMNS, low, high);
  let second = lane + WORKGROUP;
  if (second < MARGIN_PIXELS) {
    let row = second / MARGIN_COLUMNS;
    let column = second % MARGIN_COLUMNS;
    let other = pixelAt(tile, tile.y + row - 1u, tile.x + column - 1u);
    keepInputs(row * ROW_PITCH + column, inputQuad(other, firstIn), inputQuad(other, firstIn + 4u));
  }
}

// What the taps of a column see: three pixels of the input, one below the other.
fn inputColumn(at: u32) -> vec3f { return vec3f(inputs[at], inputs[at + ROW_PITCH], inputs[at + 2u * ROW_PITCH]); }

// Sums of the nine taps, four output channels in a vector.
struct Sums { taps: array<vec4f, 9> }

fn addPixel(sums: ptr<function, Sums>, at: u32, left: vec3f, middle: vec3f, right: vec3f) {
  let gradient = gradients[at];
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

// Adds up what the invocations of the same channels summed for a tap, and writes it.
fn writeTap(sums: vec4f, tap: u32, partial: u32, firstOut: u32, firstIn: u32, lane: u32) {
  workgroupBarrier(); // what lay there was read
  gradients[lane] = sums;
  workgroupBarrier();
  if (lane < IN_BLOCK * OUT_BLOCK) {
    let ci = lane % IN_BLOCK;
    let co = lane / IN_BLOCK;
    var total = 0.0;
    for (var slice = 0u; slice < SLICES; slice++) {
      total += gradients[(slice * QUADS + co / 4u) * IN_BLOCK + ci][co % 4u];
    }
    if (firstOut + co < sizes.outChannels && firstIn + ci < sizes.inChannels) {
      partials[((partial * sizes.outChannels + firstOut + co) * sizes.inChannels + firstIn + ci) * 9u + tap] = total;
    }
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
  let inputAt = lane % IN_BLOCK * INPUT_PITCH; // the invocation's input channel
  let gradientAt = lane / IN_BLOCK % QUADS * QUAD_PITCH; // and its output channels
  let slice = lane / (IN_BLOCK * QUADS);

  var sums: Sums;
  for (var count = partial; count < sizes.tiles; count += sizes.partialCount) {
    let rowTile = count / sizes.columnTiles;
    let tile = Tile(
      rowTile / sizes.rowTiles,
      rowTile % sizes.rowTiles * ROWS,
      count % sizes.columnTiles * COLUMNS,
    );
    fetch(tile, firstIn, firstOut, lane);
    workgroupBarrier();
    for (var row = slice; row < ROWS; row += SLICES) {
      let at = inputAt + row * ROW_PITCH;
      let gradient = gradientAt + row * GRADIENT_PITCH;
      var left = inputColumn(at);
      var middle = inputColumn(at + 1u);
      for (var column = 0u; column < COLUMNS; column += 4u) {
        let column2 = inputColumn(at + column + 2u);
        let column3 = inputColumn(at + column + 3u);
        let column4 = inputColumn(at + column + 4u);
        let column5 = inputColumn(at + column + 5u);
        addPixel(&sums, gradient + column, left, middle, column2);
        addPixel(&sums, gradient + column + 1u, middle, column2, column3);
        addPixel(&sums, gradient + column + 2u, column2, column3, column4);
        addPixel(&sums, gradient + column + 3u, column3, column4, column5);
        left = column4;
        middle = column5;
      }
    }
    workgroupBarrier();
  }
  // One call a tap, not a loop: a variable index would move the sums out of registers.
  writeTap(sums.taps[0], 0u, partial, firstOut, firstIn, lane);
  writeTap(sums.taps[1], 1u, partial, firstOut, firstIn, lane);
  writeTap(sums.taps[2], 2u, partial, firstOut, firstIn, lane);
  writeTap(sums.taps[3], 3u, partial, firstOut, firstIn, lane);
  writeTap(sums.taps[4], 4u, partial, firstOut, firstIn, lane);
  writeTap(sums.taps[5], 5u, partial, firstOut, firstIn, lane);
  writeTap(sums.taps[6], 6u, partial, firstOut, firstIn, lane);
  writeTap(sums.taps[7], 7u, partial, firstOut, firstIn, lane);
  writeTap(sums.taps[8], 8u, partial, firstOut, firstIn, lane);
}
