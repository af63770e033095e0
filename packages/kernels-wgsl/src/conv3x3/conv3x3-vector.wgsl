// 3×3 convolution, stride 1, zero padding 1, of images whose width is a multiple of 4, read and written by four pixels of a
// row, a quad: one invocation computes 2 rows × 4 columns of 8 output channels. A workgroup computes 64 such tiles of one
// block of 8 channels; tiles are counted through all images, blocks are along z.

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
  rowGroups: u32, // ceil(height / 2) / 2^rowBits
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
  return Tile(rowGroup / sizes.rowGroups, 2u * row, quad, max(quad, 1u) - 1u, right, index < sizes.tiles);
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

// Adds the products with the weights of the block's eight output channels; upper and lower are the tile's two rows.
fn addProducts(sums: ptr<function, array<vec4f, 16>>, low: vec4f, high: vec4f, upper: vec4f, lower: vec4f) {
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

// Adds the three taps of one row of the weight; upper and lower are the input rows that the tile's two rows see.
fn addRow(sums: ptr<function, array<vec4f, 16>>, at: u32, upper: Row, lower: Row) {
  addProducts(sums, weight[at], weight[at + 1u], vec4f(upper.left, upper.middle.xyz), vec4f(lower.left, lower.middle.xyz));
  addProducts(sums, weight[at + 2u], weight[at + 3u], upper.middle, lower.middle);
  addProducts(sums, weight[at + 4u], weight[at + 5u], vec4f(upper.middle.yzw, upper.right), vec4f(lower.middle.yzw, lower.right));
}

// What is summed over the input channels: the pixels themselves here, something else in transforms/winograd.ts.
alias Products = array<vec4f, 16>;

fn addRows(products: ptr<function, Products>, block: u32, ci: u32, row0: Row, row1: Row, row2: Row, row3: Row) {
  let taps = (block * sizes.inChannels + ci) * 18u;
  addRow(products, taps, row0, row1);
  addRow(products, taps + 6u, row1, row2);
  addRow(products, taps + 12u, row2, row3);
}

// Adds the products of input channels from `first` to before `end`, for a tile that sees nothing above or below the image.
fn addInside(products: ptr<function, Products>, tile: Tile, block: u32, first: u32, end: u32) {
  let at0 = placesOf(tile, tile.y - 1u);
  let at1 = placesOf(tile, tile.y);
  let at2 = placesOf(tile, tile.y + 1u);
  let at3 = placesOf(tile, tile.y + 2u);
  for (var ci = first; ci < end; ci++) {
    let channel = prepareInput(tile.n, ci);
    let row0 = loadRow(channel, tile, at0);
    let row1 = loadRow(channel, tile, at1);
    let row2 = loadRow(channel, tile, at2);
    let row3 = loadRow(channel, tile, at3);
    addRows(products, block, ci, row0, row1, row2, row3);
  }
}

// The same at the border.
fn addBorder(products: ptr<function, Products>, tile: Tile, block: u32, first: u32, end: u32) {
  for (var ci = first; ci < end; ci++) {
    let channel = prepareInput(tile.n, ci);
    let row0 = loadBorderRow(channel, tile, tile.y - 1u);
    let row1 = loadBorderRow(channel, tile, tile.y);
    let row2 = loadBorderRow(channel, tile, tile.y + 1u);
    let row3 = loadBorderRow(channel, tile, tile.y + 2u);
    addRows(products, block, ci, row0, row1, row2, row3);
  }
}

// The tile's pixels: [channel][row], the four columns in a vector.
fn sumsOf(products: Products) -> array<vec4f, 16> { return products; }

// The shortcut: a 1×1 convolution of other images of the same extents, added to the sums.
fn addShortcut(sums: ptr<function, array<vec4f, 16>>, tile: Tile, block: u32) {
  let next = min(tile.y + 1u, sizes.height - 1u); // the second row, kept inside the image; what is outside is not stored
  let upper = tile.y * sizes.quads + tile.quad;
  let lower = next * sizes.quads + tile.quad;
  for (var c = 0u; c < sizes.shortcutChannels; c++) {
    let channel = prepareShortcut(tile.n, c);
    let at = 2u * (block * sizes.shortcutChannels + c);
    let first = loadShortcutQuad(channel, tile.y, tile.quad, upper);
    let second = loadShortcutQuad(channel, next, tile.quad, lower);
    addProducts(sums, shortcutWeight[at], shortcutWeight[at + 1u], first, second);
  }
}

fn storeChannel(tile: Tile, firstChannel: u32, block: u32, lane: u32, upper: vec4f, lower: vec4f) {
  var s: Statistics;
  if (tile.live && firstChannel + block < sizes.outChannels) {
    let channel = prepareOutput(tile.n, firstChannel + block);
    let next = min(tile.y + 1u, sizes.height - 1u);
    let place = tile.y * sizes.quads + tile.quad;
    let nextPlace = next * sizes.quads + tile.quad;
    // Both rows are finished before the first is stored, so that what they load is under way together.
    let first = finishOutputQuad(channel, upper, tile.y, tile.quad, place);
    let second = finishOutputQuad(channel, lower, next, tile.quad, nextPlace);
    addQuadToStatistics(&s, channel, first, tile.y, tile.quad, place);
    if (next > tile.y) { addQuadToStatistics(&s, channel, second, next, tile.quad, nextPlace); }
    storeOutputQuad(channel, first, tile.y, tile.quad, place);
    if (next > tile.y) { storeOutputQuad(channel, second, next, tile.quad, nextPlace); }
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

  var products: Products;
  if (tile.y > 0u && tile.y + 2u < sizes.height) {
    addInside(&products, tile, block, 0u, sizes.inChannels);
  } else {
    addBorder(&products, tile, block, 0u, sizes.inChannels);
  }
  var sums = sumsOf(products);
  addShortcut(&sums, tile, block);

  // One call a channel, not a loop: a variable index would move the sums out of registers.
  let firstChannel = block * CHANNEL_BLOCK;
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
