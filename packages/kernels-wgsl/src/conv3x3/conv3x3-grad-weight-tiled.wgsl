// Weight gradient of the 3×3 convolution, through workgroup memory: a workgroup sums OUT_BLOCK output × 8 input channels × 9
// taps over every `partialCount`-th tile of 8 rows × 16 columns. Both images' tiles are brought into workgroup memory, so that
// what it takes to load a value is done once for all pairs of channels. An invocation sums 8 output channels × 1 input
// channel × 9 taps over some of the rows; at the end those of the same channels are added up, in a fixed order.

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

const WORKGROUP: u32 = 64;
const OUT_BLOCK: u32 = 16; // or 8, see conv3x3GradWeightTiled
const IN_BLOCK: u32 = 8;
const GROUPS: u32 = OUT_BLOCK / 8u; // of 8 output channels
const SLICES: u32 = WORKGROUP / (IN_BLOCK * GROUPS); // invocations of the same channels: each takes every SLICES-th row
const ROWS: u32 = 8;
const COLUMNS: u32 = 16;
const MARGIN_COLUMNS: u32 = COLUMNS + 2; // of the input's tile with its margin
const MARGIN_PIXELS: u32 = (ROWS + 2) * MARGIN_COLUMNS;
// With these the 32 invocations that run together read different banks of memory: 8 channels of 2 or 4 rows.
const ROW_PITCH: u32 = 28 - OUT_BLOCK / 2;
const INPUT_PITCH: u32 = (ROWS + 2) * ROW_PITCH + 1;
const GRADIENT_PITCH: u32 = COLUMNS + 1;
const QUAD_PITCH: u32 = ROWS * GRADIENT_PITCH + 1;
// 16 KiB at most: that much every WebGPU device has.
var<workgroup> inputs: array<f32, IN_BLOCK * INPUT_PITCH>; // [channel][row][column]
var<workgroup> gradients: array<vec4f, OUT_BLOCK / 4 * QUAD_PITCH>; // [four channels][row][column]

struct Tile { n: u32, y: u32, x: u32 }

// Brings the input's tile, zero outside the image. Four channels at a time, so that their loads are under way together.
fn fetchInputs(tile: Tile, firstIn: u32, lane: u32) {
  let last = sizes.inChannels - 1u;
  for (var c = 0u; c < IN_BLOCK; c += 4u) {
    let channel0 = prepareInput(tile.n, min(firstIn + c, last));
    let channel1 = prepareInput(tile.n, min(firstIn + c + 1u, last));
    let channel2 = prepareInput(tile.n, min(firstIn + c + 2u, last));
    let channel3 = prepareInput(tile.n, min(firstIn + c + 3u, last));
    for (var i = lane; i < MARGIN_PIXELS; i += WORKGROUP) {
      let row = i / MARGIN_COLUMNS;
      let column = i % MARGIN_COLUMNS;
      let y = tile.y + row - 1u; // above the top edge it wraps to a huge value
      let x = tile.x + column - 1u;
      let yInside = min(y, sizes.height - 1u);
      let xInside = min(x, sizes.width - 1u);
      let pixel = yInside * sizes.width + xInside;
      let values = vec4f(
        loadInput(channel0, yInside, xInside, pixel),
        loadInput(channel1, yInside, xInside, pixel),
        loadInput(channel2, yInside, xInside, pixel),
        loadInput(channel3, yInside, xInside, pixel),
      );
      let kept = select(vec4f(), values, y < sizes.height && x < sizes.width);
      let at = c * INPUT_PITCH + row * ROW_PITCH + column;
      inputs[at] = kept.x;
      inputs[at + INPUT_PITCH] = kept.y;
      inputs[at + 2u * INPUT_PITCH] = kept.z;
      inputs[at + 3u * INPUT_PITCH] = kept.w;
    }
  }
}

// Brings the gradient's tile, zero outside the image.
fn fetchGradients(tile: Tile, firstOut: u32, lane: u32) {
  let last = sizes.outChannels - 1u;
  for (var quad = 0u; quad < OUT_BLOCK / 4u; quad++) {
    let channel0 = prepareGradOutput(tile.n, min(firstOut + 4u * quad, last));
    let channel1 = prepareGradOutput(tile.n, min(firstOut + 4u * quad + 1u, last));
    let channel2 = prepareGradOutput(tile.n, min(firstOut + 4u * quad + 2u, last));
    let channel3 = prepareGradOutput(tile.n, min(firstOut + 4u * quad + 3u, last));
    for (var i = lane; i < ROWS * COLUMNS; i += WORKGROUP) {
      let row = i / COLUMNS;
      let column = i % COLUMNS;
      let y = min(tile.y + row, sizes.height - 1u);
      let x = min(tile.x + column, sizes.width - 1u);
      let pixel = y * sizes.width + x;
      let values = vec4f(
        loadGradOutput(channel0, y, x, pixel),
        loadGradOutput(channel1, y, x, pixel),
        loadGradOutput(channel2, y, x, pixel),
        loadGradOutput(channel3, y, x, pixel),
      );
      let inside = tile.y + row < sizes.height && tile.x + column < sizes.width;
      gradients[quad * QUAD_PITCH + row * GRADIENT_PITCH + column] = select(vec4f(), values, inside);
    }
  }
}

// What the taps of a column see: three pixels of the input, one below the other.
fn inputColumn(at: u32) -> vec3f { return vec3f(inputs[at], inputs[at + ROW_PITCH], inputs[at + 2u * ROW_PITCH]); }

// Sums of the nine taps, four output channels in a vector.
struct Sums { taps: array<vec4f, 9> }

fn addProducts(sums: ptr<function, Sums>, gradient: vec4f, left: vec3f, middle: vec3f, right: vec3f) {
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

fn addPixel(low: ptr<function, Sums>, high: ptr<function, Sums>, at: u32, left: vec3f, middle: vec3f, right: vec3f) {
  addProducts(low, gradients[at], left, middle, right);
  addProducts(high, gradients[at + QUAD_PITCH], left, middle, right);
}

// Adds up what the invocations of the same channels summed for a tap, and writes it.
fn writeTap(low: vec4f, high: vec4f, tap: u32, partial: u32, firstOut: u32, firstIn: u32, lane: u32) {
  workgroupBarrier(); // what lay there was read
  gradients[2u * lane] = low;
  gradients[2u * lane + 1u] = high;
  workgroupBarrier();
  for (var i = lane; i < IN_BLOCK * OUT_BLOCK; i += WORKGROUP) {
    let ci = i % IN_BLOCK;
    let co = i / IN_BLOCK;
    var total = 0.0;
    for (var slice = 0u; slice < SLICES; slice++) {
      let other = (slice * GROUPS + co / 8u) * IN_BLOCK + ci;
      total += gradients[2u * other + co / 4u % 2u][co % 4u];
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
  let gradientAt = lane / IN_BLOCK % GROUPS * 2u * QUAD_PITCH; // and its output channels
  let slice = lane / (IN_BLOCK * GROUPS);

  var low: Sums;
  var high: Sums;
  for (var count = partial; count < sizes.tiles; count += sizes.partialCount) {
    let rowTile = count / sizes.columnTiles;
    let tile = Tile(
      rowTile / sizes.rowTiles,
      rowTile % sizes.rowTiles * ROWS,
      count % sizes.columnTiles * COLUMNS,
    );
    fetchInputs(tile, firstIn, lane);
    fetchGradients(tile, firstOut, lane);
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
        addPixel(&low, &high, gradient + column, left, middle, column2);
        addPixel(&low, &high, gradient + column + 1u, middle, column2, column3);
        addPixel(&low, &high, gradient + column + 2u, column2, column3, column4);
        addPixel(&low, &high, gradient + column + 3u, column3, column4, column5);
        left = column4;
        middle = column5;
      }
    }
    workgroupBarrier();
  }
  // One call a tap, not a loop: a variable index would move the sums out of registers.
  writeTap(low.taps[0], high.taps[0], 0u, partial, firstOut, firstIn, lane);
  writeTap(low.taps[1], high.taps[1], 1u, partial, firstOut, firstIn, lane);
  writeTap(low.taps[2], high.taps[2], 2u, partial, firstOut, firstIn, lane);
  writeTap(low.taps[3], high.taps[3], 3u, partial, firstOut, firstIn, lane);
  writeTap(low.taps[4], high.taps[4], 4u, partial, firstOut, firstIn, lane);
  writeTap(low.taps[5], high.taps[5], 5u, partial, firstOut, firstIn, lane);
  writeTap(low.taps[6], high.taps[6], 6u, partial, firstOut, firstIn, lane);
  writeTap(low.taps[7], high.taps[7], 7u, partial, firstOut, firstIn, lane);
  writeTap(low.taps[8], high.taps[8], 8u, partial, firstOut, firstIn, lane);
}
