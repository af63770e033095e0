// 1×1 convolution of images whose width is a multiple of 4, read and written by four pixels of a row, a quad: one invocation
// computes 2 rows × 4 columns of 8 output channels, and the maxima of the two windows in them where they are wanted. A
// workgroup computes 64 such tiles of one block of 8 channels; tiles are counted through all images, blocks are along z.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  quads: u32, // width / 4
  rows: u32, // of tiles: ceil(height / 2)
  tiles: u32, // batch * rows * quads
  groups: u32, // ceil(tiles / 64)
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<vec4<real>>; // [n, ci, h, w / 4]
@group(0) @binding(2) var<uniform> weight: array<vec4f, 4096>; // [blocks, ci, 8]
@group(0) @binding(3) var<storage, read_write> output: array<vec4<real>>; // [n, co, h, w / 4]
@group(0) @binding(4) var<storage, read_write> pooled: array<vec2<real>>; // [n, co, h / 2, w / 4], see storePooled

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.quads);
}
fn loadInputQuad(channel: InputChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(input[channel.base + place]);
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

// Where the tile is: its upper row, the lower one, kept inside the image, and what places in the image they begin at.
struct Tile {
  n: u32,
  y: u32,
  next: u32,
  quad: u32,
  upper: u32,
  lower: u32,
  live: bool, // false for the invocations beyond the last tile
}

fn tileAt(index: u32) -> Tile {
  let at = min(index, sizes.tiles - 1u);
  let row = at / sizes.quads;
  let quad = at % sizes.quads;
  let y = row % sizes.rows * 2u;
  let next = min(y + 1u, sizes.height - 1u);
  return Tile(row / sizes.rows, y, next, quad, y * sizes.quads + quad, next * sizes.quads + quad, index < sizes.tiles);
}

// What the tile has of a channel.
struct Rows { upper: vec4f, lower: vec4f }

fn loadRows(tile: Tile, c: u32) -> Rows {
  let channel = prepareInput(tile.n, c);
  return Rows(
    loadInputQuad(channel, tile.y, tile.quad, tile.upper),
    loadInputQuad(channel, tile.next, tile.quad, tile.lower),
  );
}

// [channel][row], the four columns in a vector.
alias Sums = array<vec4f, 16>;

// Adds the products of an input channel with the weights of the block's eight output channels.
fn addProducts(sums: ptr<function, Sums>, c: u32, block: u32, rows: Rows) {
  let low = weight[2u * (block * sizes.inChannels + c)];
  let high = weight[2u * (block * sizes.inChannels + c) + 1u];
  (*sums)[0] += low.x * rows.upper;
  (*sums)[1] += low.x * rows.lower;
  (*sums)[2] += low.y * rows.upper;
  (*sums)[3] += low.y * rows.lower;
  (*sums)[4] += low.z * rows.upper;
  (*sums)[5] += low.z * rows.lower;
  (*sums)[6] += low.w * rows.upper;
  (*sums)[7] += low.w * rows.lower;
  (*sums)[8] += high.x * rows.upper;
  (*sums)[9] += high.x * rows.lower;
  (*sums)[10] += high.y * rows.upper;
  (*sums)[11] += high.y * rows.lower;
  (*sums)[12] += high.z * rows.upper;
  (*sums)[13] += high.z * rows.lower;
  (*sums)[14] += high.w * rows.upper;
  (*sums)[15] += high.w * rows.lower;
}

// Adds the products of input channels from `first` to before `end`, two at a time, so that their loads are under way together.
fn addChannels(sums: ptr<function, Sums>, tile: Tile, block: u32, first: u32, end: u32) {
  for (var c = first; c + 1u < end; c += 2u) {
    let one = loadRows(tile, c);
    let other = loadRows(tile, c + 1u);
    addProducts(sums, c, block, one);
    addProducts(sums, c + 1u, block, other);
  }
  if ((end - first) % 2u == 1u) { addProducts(sums, end - 1u, block, loadRows(tile, end - 1u)); }
}

// Stores the larger value of each window's two rows; an odd last row is dropped.
fn storePooled(tile: Tile, c: u32, upper: vec4f, lower: vec4f) {
  if (tile.next > tile.y) {
    let largest = max(upper, lower);
    let at = ((tile.n * sizes.outChannels + c) * (sizes.height / 2u) + tile.y / 2u) * sizes.quads + tile.quad;
    pooled[at] = vec2<real>(max(largest.xz, largest.yw));
  }
}

fn storeChannel(tile: Tile, firstChannel: u32, block: u32, lane: u32, upper: vec4f, lower: vec4f) {
  var s: Statistics;
  if (tile.live && firstChannel + block < sizes.outChannels) {
    let channel = prepareOutput(tile.n, firstChannel + block);
    // Both rows are finished before the first is stored, so that what they load is under way together.
    let first = finishOutputQuad(channel, upper, tile.y, tile.quad, tile.upper);
    let second = finishOutputQuad(channel, lower, tile.next, tile.quad, tile.lower);
    addQuadToStatistics(&s, channel, first, tile.y, tile.quad, tile.upper);
    if (tile.next > tile.y) { addQuadToStatistics(&s, channel, second, tile.next, tile.quad, tile.lower); }
    storeOutputQuad(channel, first, tile.y, tile.quad, tile.upper);
    if (tile.next > tile.y) { storeOutputQuad(channel, second, tile.next, tile.quad, tile.lower); }
    storePooled(tile, firstChannel + block, first, second);
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

  var sums: Sums;
  addChannels(&sums, tile, block, 0u, sizes.inChannels);

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
