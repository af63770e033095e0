// 3×3 convolution, stride 1, zero padding 1, of images whose width is a multiple of 4, read and written by four pixels of a
// row, a quad: one invocation computes 4 rows × 4 columns of 8 output channels, from 18 loads a channel where two tiles of
// conv3x3-vector.wgsl need 24. A workgroup computes 64 such tiles of one block of 8 channels; tiles are counted through all
// images, blocks are along z.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  quads: u32, // width / 4
  // Tiles that follow one another are 2^columnBits side by side, then 2^rowBits below one another.
  columnBits: u32,
  rowBits: u32,
  columnGroups: u32, // quads / 2^columnBits
  rowGroups: u32, // ceil(height / 4) / 2^rowBits
  tiles: u32, // of all images
  groups: u32, // ceil(tiles / 64)
  shortcutChannels: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<vec4<real>>; // [n, ci, h, w / 4]
@group(0) @binding(2) var<uniform> weight: array<vec4f, 4096>; // [blocks, ci, 9, 8]
@group(0) @binding(3) var<storage, read> shortcut: array<vec4<real>>; // [n, cs, h, w / 4], see addShortcut
@group(0) @binding(4) var<uniform> shortcutWeight: array<vec4f, 4096>; // [blocks, cs, 8]
@group(0) @binding(5) var<storage, read_write> output: array<vec4<real>>; // [n, co, h, w / 4]

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

struct ShortcutChannel { base: u32 }
fn prepareShortcut(n: u32, c: u32) -> ShortcutChannel {
  return ShortcutChannel((n * sizes.shortcutChannels + c) * sizes.height * sizes.quads);
}
fn loadShortcutQuad(channel: ShortcutChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(shortcut[channel.base + place]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.outChannels + c) * sizes.height * sizes.quads);
}
fn finishOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(vec4<real>(value));
}
fn storeOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {
  output[channel.base + place] = vec4<real>(value);
}

const LANES: u32 = 64;
const CHANNEL_BLOCK: u32 = 8;
struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
fn addQuadToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}

// Where the tile is: its first row, its quad, and those to the left and right, kept inside the image.
struct Tile {
  n: u32,
  y: u32,
  quad: u32,
  left: u32,
  right: u32,
  live: bool, // false for the invocations beyond the last tile
}

fn tileAt(index: u32) -> Tile {
  let at = min(index, sizes.tiles - 1u);
  let group = at >> (sizes.columnBits + sizes.rowBits);
  let rowGroup = group / sizes.columnGroups;
  let row = ((rowGroup % sizes.rowGroups) << sizes.rowBits) + ((at >> sizes.columnBits) & ((1u << sizes.rowBits) - 1u));
  let quad = ((group % sizes.columnGroups) << sizes.columnBits) + (at & ((1u << sizes.columnBits) - 1u));
  let right = min(quad + 1u, sizes.quads - 1u);
  return Tile(rowGroup / sizes.rowGroups, 4u * row, quad, max(quad, 1u) - 1u, right, index < sizes.tiles);
}

// A row of what the tile sees: its quad, and the pixel on either side.
struct Row { left: f32, middle: vec4f, right: f32 }

// Where a row's three loads are: computed once for all channels.
struct Places { y: u32, left: u32, middle: u32, right: u32 }

fn placesOf(tile: Tile, y: u32) -> Places {
  let first = y * sizes.quads;
  return Places(y, first + tile.left, first + tile.quad, first + tile.right);
}

// A row inside the image; what is left or right of it is zero.
fn loadRow(channel: InputChannel, tile: Tile, at: Places) -> Row {
  let left = loadInput(channel, at.y, tile.left, at.left, 3u);
  let middle = loadInputQuad(channel, at.y, tile.quad, at.middle);
  let right = loadInput(channel, at.y, tile.right, at.right, 0u);
  return Row(select(left, 0.0, tile.left == tile.quad), middle, select(right, 0.0, tile.right == tile.quad));
}

// A row that may lie above or below the image, and is then zero.
fn loadBorderRow(channel: InputChannel, tile: Tile, y: u32) -> Row {
  let row = loadRow(channel, tile, placesOf(tile, min(y, sizes.height - 1u))); // above the top edge y wraps to a huge value
  let inside = y < sizes.height;
  return Row(select(0.0, row.left, inside), select(vec4f(), row.middle, inside), select(0.0, row.right, inside));
}

// Sums of two rows of the tile: [channel][row], the four columns in a vector.
alias Sums = array<vec4f, 16>;

// Adds the products of two rows with the weights of the block's eight output channels.
fn addProducts(sums: ptr<function, Sums>, low: vec4f, high: vec4f, upper: vec4f, lower: vec4f) {
  (*sums)[0] += low.x * upper;
  (*sums)[1] += low.x * lower;
  (*sums)[2] += low.y * upper;
  (*sums)[3] += low.y * lower;
  (*sums)[4] += low.z * upper;
  (*sums)[5] += low.z * lower;
  (*sums)[6] += low.w * upper;
  (*sums)[7] += low.w * lower;
  (*sums)[8] += high.x * upper;
  (*sums)[9] += high.x * lower;
  (*sums)[10] += high.y * upper;
  (*sums)[11] += high.y * lower;
  (*sums)[12] += high.z * upper;
  (*sums)[13] += high.z * lower;
  (*sums)[14] += high.w * upper;
  (*sums)[15] += high.w * lower;
}

// What the three taps of a row of the weight meet: the row moved right, as it is, and moved left.
fn leftOf(row: Row) -> vec4f { return vec4f(row.left, row.middle.xyz); }
fn rightOf(row: Row) -> vec4f { return vec4f(row.middle.yzw, row.right); }

// Adds the three taps of one row of the weight; the rows are those of the input that the tile's four rows see.
fn addRow(upper: ptr<function, Sums>, lower: ptr<function, Sums>, at: u32, row0: Row, row1: Row, row2: Row, row3: Row) {
  addProducts(upper, weight[at], weight[at + 1u], leftOf(row0), leftOf(row1));
  addProducts(lower, weight[at], weight[at + 1u], leftOf(row2), leftOf(row3));
  addProducts(upper, weight[at + 2u], weight[at + 3u], row0.middle, row1.middle);
  addProducts(lower, weight[at + 2u], weight[at + 3u], row2.middle, row3.middle);
  addProducts(upper, weight[at + 4u], weight[at + 5u], rightOf(row0), rightOf(row1));
  addProducts(lower, weight[at + 4u], weight[at + 5u], rightOf(row2), rightOf(row3));
}

// The six rows that the tile sees.
struct Rows { row0: Row, row1: Row, row2: Row, row3: Row, row4: Row, row5: Row }

fn addRows(upper: ptr<function, Sums>, lower: ptr<function, Sums>, block: u32, ci: u32, r: Rows) {
  let taps = (block * sizes.inChannels + ci) * 18u;
  addRow(upper, lower, taps, r.row0, r.row1, r.row2, r.row3);
  addRow(upper, lower, taps + 6u, r.row1, r.row2, r.row3, r.row4);
  addRow(upper, lower, taps + 12u, r.row2, r.row3, r.row4, r.row5);
}

// Adds the products of input channels from `first` to before `end`, for a tile that sees nothing above or below the image.
fn addInside(upper: ptr<function, Sums>, lower: ptr<function, Sums>, tile: Tile, block: u32, first: u32, end: u32) {
  let at0 = placesOf(tile, tile.y - 1u);
  let at1 = placesOf(tile, tile.y);
  let at2 = placesOf(tile, tile.y + 1u);
  let at3 = placesOf(tile, tile.y + 2u);
  let at4 = placesOf(tile, tile.y + 3u);
  let at5 = placesOf(tile, tile.y + 4u);
  for (var ci = first; ci < end; ci++) {
    let channel = prepareInput(tile.n, ci);
    let row0 = loadRow(channel, tile, at0);
    let row1 = loadRow(channel, tile, at1);
    let row2 = loadRow(channel, tile, at2);
    let row3 = loadRow(channel, tile, at3);
    let row4 = loadRow(channel, tile, at4);
    let row5 = loadRow(channel, tile, at5);
    addRows(upper, lower, block, ci, Rows(row0, row1, row2, row3, row4, row5));
  }
}

// The same at the border.
fn addBorder(upper: ptr<function, Sums>, lower: ptr<function, Sums>, tile: Tile, block: u32, first: u32, end: u32) {
  let y = tile.y;
  for (var ci = first; ci < end; ci++) {
    let channel = prepareInput(tile.n, ci);
    let row0 = loadBorderRow(channel, tile, y - 1u);
    let row1 = loadBorderRow(channel, tile, y);
    let row2 = loadBorderRow(channel, tile, y + 1u);
    let row3 = loadBorderRow(channel, tile, y + 2u);
    let row4 = loadBorderRow(channel, tile, y + 3u);
    let row5 = loadBorderRow(channel, tile, y + 4u);
    addRows(upper, lower, block, ci, Rows(row0, row1, row2, row3, row4, row5));
  }
}

// One of the tile's rows, kept inside the image; what is outside is not stored.
fn rowOf(tile: Tile, row: u32) -> u32 { return min(tile.y + row, sizes.height - 1u); }

fn shortcutAt(channel: ShortcutChannel, tile: Tile, row: u32) -> vec4f {
  let y = rowOf(tile, row);
  return loadShortcutQuad(channel, y, tile.quad, y * sizes.quads + tile.quad);
}

// The shortcut: a 1×1 convolution of other images of the same extents, added to the sums.
fn addShortcut(upper: ptr<function, Sums>, lower: ptr<function, Sums>, tile: Tile, block: u32) {
  for (var c = 0u; c < sizes.shortcutChannels; c++) {
    let channel = prepareShortcut(tile.n, c);
    let at = 2u * (block * sizes.shortcutChannels + c);
    let row0 = shortcutAt(channel, tile, 0u);
    let row1 = shortcutAt(channel, tile, 1u);
    let row2 = shortcutAt(channel, tile, 2u);
    let row3 = shortcutAt(channel, tile, 3u);
    addProducts(upper, shortcutWeight[at], shortcutWeight[at + 1u], row0, row1);
    addProducts(lower, shortcutWeight[at], shortcutWeight[at + 1u], row2, row3);
  }
}

fn finishRow(channel: OutputChannel, tile: Tile, row: u32, values: vec4f) -> vec4f {
  let y = rowOf(tile, row);
  return finishOutputQuad(channel, values, y, tile.quad, y * sizes.quads + tile.quad);
}

fn storeRow(s: ptr<function, Statistics>, channel: OutputChannel, tile: Tile, row: u32, finished: vec4f) {
  let y = tile.y + row;
  if (y >= sizes.height) { return; }
  let place = y * sizes.quads + tile.quad;
  addQuadToStatistics(s, channel, finished, y, tile.quad, place);
  storeOutputQuad(channel, finished, y, tile.quad, place);
}

fn storeChannel(tile: Tile, firstChannel: u32, block: u32, lane: u32, row0: vec4f, row1: vec4f, row2: vec4f, row3: vec4f) {
  var s: Statistics;
  if (tile.live && firstChannel + block < sizes.outChannels) {
    let channel = prepareOutput(tile.n, firstChannel + block);
    // All rows are finished before the first is stored, so that what they load is under way together.
    let finished0 = finishRow(channel, tile, 0u, row0);
    let finished1 = finishRow(channel, tile, 1u, row1);
    let finished2 = finishRow(channel, tile, 2u, row2);
    let finished3 = finishRow(channel, tile, 3u, row3);
    storeRow(&s, channel, tile, 0u, finished0);
    storeRow(&s, channel, tile, 1u, finished1);
    storeRow(&s, channel, tile, 2u, finished2);
    storeRow(&s, channel, tile, 3u, finished3);
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
  let tile = tileAt(group * LANES + lane);
  let block = workgroup.z;

  var upper: Sums;
  var lower: Sums;
  if (tile.y > 0u && tile.y + 4u < sizes.height) {
    addInside(&upper, &lower, tile, block, 0u, sizes.inChannels);
  } else {
    addBorder(&upper, &lower, tile, block, 0u, sizes.inChannels);
  }
  addShortcut(&upper, &lower, tile, block);

  // One call a channel, not a loop: a variable index would move the sums out of registers.
  let firstChannel = block * CHANNEL_BLOCK;
  storeChannel(tile, firstChannel, 0u, lane, upper[0], upper[1], lower[0], lower[1]);
  storeChannel(tile, firstChannel, 1u, lane, upper[2], upper[3], lower[2], lower[3]);
  storeChannel(tile, firstChannel, 2u, lane, upper[4], upper[5], lower[4], lower[5]);
  storeChannel(tile, firstChannel, 3u, lane, upper[6], upper[7], lower[6], lower[7]);
  storeChannel(tile, firstChannel, 4u, lane, upper[8], upper[9], lower[8], lower[9]);
  storeChannel(tile, firstChannel, 5u, lane, upper[10], upper[11], lower[10], lower[11]);
  storeChannel(tile, firstChannel, 6u, lane, upper[12], upper[13], lower[12], lower[13]);
  storeChannel(tile, firstChannel, 7u, lane, upper[14], upper[15], lower[14], lower[15]);
  if (group < sizes.groups) { writeStatistics(lane, group, firstChannel, sizes.outChannels); }
}
