// 3×3 convolution, stride 1, zero padding 1: one invocation computes a tile of 4 rows × 2 columns of 8 output channels.
// A workgroup computes 64 tiles of one block of 8 channels; tiles are counted through all images, blocks are along z.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  width: u32,
  rowTiles: u32, // ceil(height / 4)
  columnTiles: u32, // ceil(width / 2)
  tiles: u32, // batch * rowTiles * columnTiles
  groups: u32, // ceil(tiles / 64)
  shortcutChannels: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<uniform> weight: array<vec4f, 4096>; // [blocks, ci, 9, 8]
@group(0) @binding(3) var<storage, read> shortcut: array<real>; // [n, cs, h, w], see addShortcut
@group(0) @binding(4) var<uniform> shortcutWeight: array<vec4f, 4096>; // [blocks, cs, 8]
@group(0) @binding(5) var<storage, read_write> output: array<real>; // [n, co, h, w]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct ShortcutChannel { base: u32 }
fn prepareShortcut(n: u32, c: u32) -> ShortcutChannel {
  return ShortcutChannel((n * sizes.shortcutChannels + c) * sizes.height * sizes.width);
}
fn loadShortcut(channel: ShortcutChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(shortcut[channel.base + pixel]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.outChannels + c) * sizes.height * sizes.width);
}
fn finishOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32 { return f32(real(value)); }
fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  output[channel.base + pixel] = real(value);
}

const LANES: u32 = 64;
const CHANNEL_BLOCK: u32 = 8;
struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
fn addToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}

// Where the tile is: its first pixel, and the four columns x − 1 … x + 2 that it reads, kept inside the image.
struct Tile {
  n: u32,
  y: u32,
  x: u32,
  columns: vec4u,
  inside: vec4<bool>,
  live: bool, // false for the invocations beyond the last tile
}

// Row y − 1 + step of the tile's four columns, zero outside the image.
fn loadRow(channel: InputChannel, tile: Tile, step: u32) -> vec4f {
  let row = tile.y + step - 1u; // above the top edge it wraps to a huge value
  let y = min(row, sizes.height - 1u);
  let first = y * sizes.width;
  let values = vec4f(
    loadInput(channel, y, tile.columns.x, first + tile.columns.x),
    loadInput(channel, y, tile.columns.y, first + tile.columns.y),
    loadInput(channel, y, tile.columns.z, first + tile.columns.z),
    loadInput(channel, y, tile.columns.w, first + tile.columns.w),
  );
  return select(vec4f(), values, tile.inside & vec4<bool>(row < sizes.height));
}

// Adds one tap: left and right hold what it sees in the four rows of the tile's two columns.
fn addTap(sums: ptr<function, array<vec4f, 16>>, at: u32, left: vec4f, right: vec4f) {
  addProducts(sums, weight[at], weight[at + 1u], left, right);
}

// Adds the products with the weights of the block's eight output channels.
fn addProducts(sums: ptr<function, array<vec4f, 16>>, low: vec4f, high: vec4f, left: vec4f, right: vec4f) {
  (*sums)[0] += low.x * left;
  (*sums)[1] += low.x * right;
  (*sums)[2] += low.y * left;
  (*sums)[3] += low.y * right;
  (*sums)[4] += low.z * left;
  (*sums)[5] += low.z * right;
  (*sums)[6] += low.w * left;
  (*sums)[7] += low.w * right;
  (*sums)[8] += high.x * left;
  (*sums)[9] += high.x * right;
  (*sums)[10] += high.y * left;
  (*sums)[11] += high.y * right;
  (*sums)[12] += high.z * left;
  (*sums)[13] += high.z * right;
  (*sums)[14] += high.w * left;
  (*sums)[15] += high.w * right;
}

// Adds the three taps of one row of the weight; a, b, c, d are the input rows that the tile's four rows see.
fn addRow(sums: ptr<function, array<vec4f, 16>>, at: u32, a: vec4f, b: vec4f, c: vec4f, d: vec4f) {
  let column0 = vec4f(a.x, b.x, c.x, d.x);
  let column1 = vec4f(a.y, b.y, c.y, d.y);
  let column2 = vec4f(a.z, b.z, c.z, d.z);
  let column3 = vec4f(a.w, b.w, c.w, d.w);
  addTap(sums, at, column0, column1);
  addTap(sums, at + 2u, column1, column2);
  addTap(sums, at + 4u, column2, column3);
}

// The shortcut: a 1×1 convolution of other images of the same extents, added to the sums.
fn addShortcut(sums: ptr<function, array<vec4f, 16>>, tile: Tile, block: u32) {
  let right = tile.columns.z; // the second column, kept inside the image; what lies outside is not stored
  let channels = select(0u, sizes.shortcutChannels, tile.live);
  for (var c = 0u; c < channels; c++) {
    let channel = prepareShortcut(tile.n, c);
    let at = 2u * (block * sizes.shortcutChannels + c);
    addProducts(sums, shortcutWeight[at], shortcutWeight[at + 1u], shortcutRows(channel, tile.y, tile.x), shortcutRows(channel, tile.y, right));
  }
}

fn shortcutRows(channel: ShortcutChannel, y: u32, x: u32) -> vec4f {
  let rows = min(vec4u(y, y + 1u, y + 2u, y + 3u), vec4u(sizes.height - 1u));
  let pixels = rows * sizes.width + x;
  return vec4f(
    loadShortcut(channel, rows.x, x, pixels.x),
    loadShortcut(channel, rows.y, x, pixels.y),
    loadShortcut(channel, rows.z, x, pixels.z),
    loadShortcut(channel, rows.w, x, pixels.w),
  );
}

// A channel of a row of the tile. Outside the image the coordinates are those of its last row and column.
struct Row { y: u32, left: f32, right: f32 }

fn finishRow(channel: OutputChannel, tile: Tile, step: u32, left: f32, right: f32) -> Row {
  let y = min(tile.y + step, sizes.height - 1u);
  let first = y * sizes.width;
  let x = tile.columns.z;
  return Row(
    y,
    finishOutput(channel, left, y, tile.x, first + tile.x),
    finishOutput(channel, right, y, x, first + x),
  );
}

fn addRowToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, tile: Tile, step: u32, row: Row) {
  if (tile.y + step >= sizes.height) { return; }
  let pixel = row.y * sizes.width + tile.x;
  addToStatistics(s, channel, row.left, row.y, tile.x, pixel);
  if (tile.inside.z) { addToStatistics(s, channel, row.right, row.y, tile.x + 1u, pixel + 1u); }
}

fn storeRow(channel: OutputChannel, tile: Tile, step: u32, row: Row) {
  if (tile.y + step >= sizes.height) { return; }
  let pixel = row.y * sizes.width + tile.x;
  storeOutput(channel, row.left, row.y, tile.x, pixel);
  if (tile.inside.z) { storeOutput(channel, row.right, row.y, tile.x + 1u, pixel + 1u); }
}

fn storeChannel(tile: Tile, firstChannel: u32, block: u32, lane: u32, left: vec4f, right: vec4f) {
  var s: Statistics;
  if (tile.live && firstChannel + block < sizes.outChannels) {
    let channel = prepareOutput(tile.n, firstChannel + block);
    // All rows are finished before the first is stored, so that what they load is under way together.
    let row0 = finishRow(channel, tile, 0u, left.x, right.x);
    let row1 = finishRow(channel, tile, 1u, left.y, right.y);
    let row2 = finishRow(channel, tile, 2u, left.z, right.z);
    let row3 = finishRow(channel, tile, 3u, left.w, right.w);
    addRowToStatistics(&s, channel, tile, 0u, row0);
    addRowToStatistics(&s, channel, tile, 1u, row1);
    addRowToStatistics(&s, channel, tile, 2u, row2);
    addRowToStatistics(&s, channel, tile, 3u, row3);
    storeRow(channel, tile, 0u, row0);
    storeRow(channel, tile, 1u, row1);
    storeRow(channel, tile, 2u, row2);
    storeRow(channel, tile, 3u, row3);
  }
  keepStatistics(s, block, lane);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = workgroup.x + workgroup.y * workgroups.x;
  let index = min(group * LANES + lane, sizes.tiles - 1u);
  let x = index % sizes.columnTiles * 2u;
  let rowTile = index / sizes.columnTiles;
  var tile: Tile;
  tile.n = rowTile / sizes.rowTiles;
  tile.y = rowTile % sizes.rowTiles * 4u;
  tile.x = x;
  tile.columns = min(vec4u(max(x, 1u) - 1u, x, x + 1u, x + 2u), vec4u(sizes.width - 1u));
  tile.inside = vec4<bool>(x > 0u, true, x + 1u < sizes.width, x + 2u < sizes.width);
  tile.live = group * LANES + lane < sizes.tiles;

  var sums: array<vec4f, 16>; // [channel][column], the four rows in a vector
  let channels = select(0u, sizes.inChannels, tile.live); // lanes without a tile leave the loop at once
  for (var ci = 0u; ci < channels; ci++) {
    let channel = prepareInput(tile.n, ci);
    let row0 = loadRow(channel, tile, 0u);
    let row1 = loadRow(channel, tile, 1u);
    let row2 = loadRow(channel, tile, 2u);
    let row3 = loadRow(channel, tile, 3u);
    let row4 = loadRow(channel, tile, 4u);
    let row5 = loadRow(channel, tile, 5u);
    let taps = (workgroup.z * sizes.inChannels + ci) * 18u;
    addRow(&sums, taps, row0, row1, row2, row3);
    addRow(&sums, taps + 6u, row1, row2, row3, row4);
    addRow(&sums, taps + 12u, row2, row3, row4, row5);
  }
  addShortcut(&sums, tile, workgroup.z);

  // One call a channel, not a loop: a variable index would move the sums out of registers.
  let firstChannel = workgroup.z * CHANNEL_BLOCK;
  storeChannel(tile, firstChannel, 0u, lane, sums[0], sums[1]);
  storeChannel(tile, firstChannel, 1u, lane, sums[2], sums[3]);
  storeChannel(tile, firstChannel, 2u, lane, sums[4], sums[5]);
  storeChannel(tile, firstChannel, 3u, lane, sums[6], sums[7]);
  storeChannel(tile, firstChannel, 4u, lane, sums[8], sums[9]);
  storeChannel(tile, firstChannel, 5u, lane, sums[10], sums[11]);
  storeChannel(tile, firstChannel, 6u, lane, sums[12], sums[13]);
  storeChannel(tile, firstChannel, 7u, lane, sums[14], sums[15]);
  if (group < sizes.groups) { writeStatistics(lane, group, firstChannel, sizes.outChannels); }
}
