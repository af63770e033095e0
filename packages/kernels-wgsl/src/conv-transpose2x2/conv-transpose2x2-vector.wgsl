// Transposed 2×2 convolution, stride 2, of images whose width is a multiple of 4: one invocation computes what four pixels of a
// row, a quad, give to 2 output channels, which are two quads of two rows of each. A workgroup computes 64 such tiles of one block
// of 2 channels; tiles are counted through all images, blocks are along z.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32, // of the input
  quads: u32, // width of the input / 4
  tiles: u32, // batch * height * quads
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<vec4<real>>; // [n, ci, h, w / 4]
@group(0) @binding(2) var<uniform> weight: array<vec4f, 4096>; // [blocks, ci, 2, 2, 2]
@group(0) @binding(3) var<storage, read_write> output: array<vec4<real>>; // [n, co, 2h, w / 2]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.quads);
}
fn loadInputQuad(channel: InputChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(input[channel.base + place]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.outChannels + c) * 4u * sizes.height * sizes.quads);
}
fn finishOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(vec4<real>(value));
}
fn storeOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {
  output[channel.base + place] = vec4<real>(value);
}

const LANES: u32 = 64;

// The weights of an input channel for the 2 × 2 sub-pixels of the 2 output channels of a block.
struct Weights { low: vec4f, high: vec4f }
fn loadWeights(block: u32, c: u32) -> Weights {
  let at = 2u * (block * sizes.inChannels + c);
  return Weights(weight[at], weight[at + 1u]);
}

// A quad of the coarse grid.
struct Tile {
  n: u32,
  y: u32,
  quad: u32,
  place: u32, // of the image
  live: bool, // false for the invocations beyond the last tile
}

fn tileAt(index: u32) -> Tile {
  let at = min(index, sizes.tiles - 1u);
  let row = at / sizes.quads;
  let y = row % sizes.height;
  let quad = at % sizes.quads;
  return Tile(row / sizes.height, y, quad, y * sizes.quads + quad, index < sizes.tiles);
}

fn loadTile(tile: Tile, c: u32) -> vec4f { return loadInputQuad(prepareInput(tile.n, c), tile.y, tile.quad, tile.place); }

// Adds one input channel to the 2 × 2 sub-pixels of 2 output channels.
fn addProducts(sums: ptr<function, array<vec4f, 8>>, weights: Weights, values: vec4f) {
  let low = weights.low;
  let high = weights.high;
  (*sums)[0] += low.x * values;
  (*sums)[1] += low.y * values;
  (*sums)[2] += low.z * values;
  (*sums)[3] += low.w * values;
  (*sums)[4] += high.x * values;
  (*sums)[5] += high.y * values;
  (*sums)[6] += high.z * values;
  (*sums)[7] += high.w * values;
}

// Stores a channel of the tile: of each pixel the sub-pixels to the left and right, in an upper and a lower row.
fn storeChannel(tile: Tile, co: u32, topLeft: vec4f, topRight: vec4f, bottomLeft: vec4f, bottomRight: vec4f) {
  if (!tile.live || co >= sizes.outChannels) { return; }
  let channel = prepareOutput(tile.n, co);
  let y = 2u * tile.y;
  let quad = 2u * tile.quad;
  let upper = y * 2u * sizes.quads + quad;
  let lower = upper + 2u * sizes.quads;
  // All are finished before the first is stored, so that what they load is under way together.
  let top0 = vec4f(topLeft.x, topRight.x, topLeft.y, topRight.y);
  let top1 = vec4f(topLeft.z, topRight.z, topLeft.w, topRight.w);
  let bottom0 = vec4f(bottomLeft.x, bottomRight.x, bottomLeft.y, bottomRight.y);
  let bottom1 = vec4f(bottomLeft.z, bottomRight.z, bottomLeft.w, bottomRight.w);
  let finished0 = finishOutputQuad(channel, top0, y, quad, upper);
  let finished1 = finishOutputQuad(channel, top1, y, quad + 1u, upper + 1u);
  let finished2 = finishOutputQuad(channel, bottom0, y + 1u, quad, lower);
  let finished3 = finishOutputQuad(channel, bottom1, y + 1u, quad + 1u, lower + 1u);
  storeOutputQuad(channel, finished0, y, quad, upper);
  storeOutputQuad(channel, finished1, y, quad + 1u, upper + 1u);
  storeOutputQuad(channel, finished2, y + 1u, quad, lower);
  storeOutputQuad(channel, finished3, y + 1u, quad + 1u, lower + 1u);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = tileAt((workgroup.x + workgroup.y * workgroups.x) * LANES + lane);
  let block = workgroup.z;

  var sums: array<vec4f, 8>; // [channel][sub-pixel], the four pixels in a vector
  // Two channels at a time, so that their loads are under way together.
  let pairs = sizes.inChannels / 2u;
  for (var pair = 0u; pair < pairs; pair++) {
    let first = loadTile(tile, 2u * pair);
    let second = loadTile(tile, 2u * pair + 1u);
    addProducts(&sums, loadWeights(block, 2u * pair), first);
    addProducts(&sums, loadWeights(block, 2u * pair + 1u), second);
  }
  if (sizes.inChannels % 2u == 1u) {
    let last = sizes.inChannels - 1u;
    addProducts(&sums, loadWeights(block, last), loadTile(tile, last));
  }

  storeChannel(tile, block * 2u, sums[0], sums[1], sums[2], sums[3]);
  storeChannel(tile, block * 2u + 1u, sums[4], sums[5], sums[6], sums[7]);
}
