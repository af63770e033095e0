// Gradient of the attention gate: an invocation computes a tile of four pixels, first of the gradient at
// wx . skip + wg . gating + bias, eight intermediate channels at a time, then of the gradients of skip and gating, eight
// channels at a time. The gradients of bias, psi and psiBias are summed over the tiles of a workgroup.

alias real = f32;

struct Sizes {
  channels: u32,
  inter: u32,
  height: u32,
  width: u32,
  quarter: u32, // ceil(height * width / 4)
  tiles: u32, // batch * quarter
  groups: u32, // ceil(tiles / 64)
  rowCount: u32, // of partials
  blockChannels: u32, // 8, as a variable
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> skip: array<real>; // [n, c, h, w]
@group(0) @binding(2) var<storage, read> gating: array<real>; // [n, c, h, w]
@group(0) @binding(3) var<storage, read> parameters: array<vec4f>; // blocks of rows of 8, see packAttentionGate
@group(0) @binding(4) var<storage, read> gradOutput: array<real>; // [n, c, h, w]
// Of the intermediate channels before the ReLU, then of skip. One array, so that all fits eight storage buffers.
@group(0) @binding(5) var<storage, read_write> gradients: array<real>; // [n, inter + c, h, w]
@group(0) @binding(6) var<storage, read_write> output: array<real>; // [n, c, h, w], of gating
@group(0) @binding(7) var<storage, read_write> partials: array<f32>; // [rowCount, 2 * inter + 1]: bias, psi, psiBias

struct SkipChannel { base: u32 }
fn prepareSkip(n: u32, c: u32) -> SkipChannel {
  return SkipChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadSkip(channel: SkipChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(skip[channel.base + pixel]);
}

struct GatingChannel { base: u32 }
fn prepareGating(n: u32, c: u32) -> GatingChannel {
  return GatingChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadGating(channel: GatingChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(gating[channel.base + pixel]);
}

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadGradOutput(channel: GradOutputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(gradOutput[channel.base + pixel]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
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

const KEPT: u32 = 5; // gradients of bias and psi of eight channels, of psiBias
var<workgroup> kept: array<vec4f, LANES * KEPT>;

// How the invocations share the work, see transforms/lane-sums.ts.
struct Share { index: u32, first: u32, step: u32 }
fn shareOf(workgroup: u32, lane: u32) -> Share { return Share(workgroup, lane, LANES); }
fn keep(place: u32, lane: u32, sums: vec4f) { kept[place * LANES + lane] = sums; }
fn settle() { workgroupBarrier(); }
fn keptSum(index: u32) -> f32 {
  var total = 0.0;
  for (var lane = 0u; lane < LANES; lane++) { total += kept[index / 4u * LANES + lane][index % 4u]; }
  return total;
}

// A row of parameters for the 8 intermediate channels of a block.
struct Weights { low: vec4f, high: vec4f }
fn loadWeights(row: u32, lane: u32) -> Weights { return Weights(parameters[2u * row], parameters[2u * row + 1u]); }

// Four pixels of an image, a quarter of it apart, so that neighboring invocations read neighboring pixels.
struct Tile {
  n: u32,
  pixel: vec4u,
  y: vec4u,
  x: vec4u,
  live: vec4<bool>, // false for pixels beyond the image and invocations beyond the last tile
}

fn tileOf(index: u32) -> Tile {
  let pixels = sizes.height * sizes.width;
  let at = min(index, sizes.tiles - 1u);
  let pixel = at % sizes.quarter + sizes.quarter * vec4u(0u, 1u, 2u, 3u);
  let kept = min(pixel, vec4u(pixels - 1u));
  let live = (pixel < vec4u(pixels)) & vec4<bool>(index < sizes.tiles);
  return Tile(at / sizes.quarter, kept, kept / sizes.width, kept % sizes.width, live);
}

fn skipAt(channel: SkipChannel, tile: Tile) -> vec4f {
  return vec4f(
    loadSkip(channel, tile.y.x, tile.x.x, tile.pixel.x),
    loadSkip(channel, tile.y.y, tile.x.y, tile.pixel.y),
    loadSkip(channel, tile.y.z, tile.x.z, tile.pixel.z),
    loadSkip(channel, tile.y.w, tile.x.w, tile.pixel.w),
  );
}

fn gatingAt(channel: GatingChannel, tile: Tile) -> vec4f {
  return vec4f(
    loadGating(channel, tile.y.x, tile.x.x, tile.pixel.x),
    loadGating(channel, tile.y.y, tile.x.y, tile.pixel.y),
    loadGating(channel, tile.y.z, tile.x.z, tile.pixel.z),
    loadGating(channel, tile.y.w, tile.x.w, tile.pixel.w),
  );
}

fn gradOutputAt(channel: GradOutputChannel, tile: Tile) -> vec4f {
  return vec4f(
    loadGradOutput(channel, tile.y.x, tile.x.x, tile.pixel.x),
    loadGradOutput(channel, tile.y.y, tile.x.y, tile.pixel.y),
    loadGradOutput(channel, tile.y.z, tile.x.z, tile.pixel.z),
    loadGradOutput(channel, tile.y.w, tile.x.w, tile.pixel.w),
  );
}

fn biasOf(base: u32, lane: u32) -> array<vec4f, 8> {
  let bias = loadWeights(base + 2u * sizes.channels, lane);
  return array<vec4f, 8>(
    vec4f(bias.low.x), vec4f(bias.low.y), vec4f(bias.low.z), vec4f(bias.low.w),
    vec4f(bias.high.x), vec4f(bias.high.y), vec4f(bias.high.z), vec4f(bias.high.w),
  );
}

// wx · skip + wg · gating + bias of a block, the four pixels in a vector; with the first block also the gradient of alpha.
fn preOf(tile: Tile, block: u32, lane: u32, gradAlpha: ptr<function, vec4f>) -> array<vec4f, 8> {
  let base = block * (2u * sizes.channels + 2u);
  var pre = biasOf(base, lane);
  // Two channels at a time, so that their loads are under way together; a channel beyond the last counts nothing.
  for (var c = 0u; c < sizes.channels; c += 2u) {
    let next = min(c + 1u, sizes.channels - 1u);
    let counts = vec4<bool>(c + 1u < sizes.channels);
    let skip0 = skipAt(prepareSkip(tile.n, c), tile);
    let skip1 = select(vec4f(), skipAt(prepareSkip(tile.n, next), tile), counts);
    let gating0 = gatingAt(prepareGating(tile.n, c), tile);
    let gating1 = select(vec4f(), gatingAt(prepareGating(tile.n, next), tile), counts);
    if (block == 0u) {
      *gradAlpha += gradOutputAt(prepareGradOutput(tile.n, c), tile) * skip0;
      *gradAlpha += gradOutputAt(prepareGradOutput(tile.n, next), tile) * skip1;
    }
    addProducts(&pre, loadWeights(base + c, lane), skip0);
    addProducts(&pre, loadWeights(base + next, lane), skip1);
    addProducts(&pre, loadWeights(base + sizes.channels + c, lane), gating0);
    addProducts(&pre, loadWeights(base + sizes.channels + next, lane), gating1);
  }
  return pre;
}

// What a block adds to the score at the pixels.
fn scoreOf(psi: Weights, pre: array<vec4f, 8>) -> vec4f {
  var score = psi.low.x * max(pre[0], vec4f()) + psi.low.y * max(pre[1], vec4f());
  score += psi.low.z * max(pre[2], vec4f()) + psi.low.w * max(pre[3], vec4f());
  score += psi.high.x * max(pre[4], vec4f()) + psi.high.y * max(pre[5], vec4f());
  return score + psi.high.z * max(pre[6], vec4f()) + psi.high.w * max(pre[7], vec4f());
}

fn addProducts(sums: ptr<function, array<vec4f, 8>>, weights: Weights, values: vec4f) {
  (*sums)[0] += weights.low.x * values;
  (*sums)[1] += weights.low.y * values;
  (*sums)[2] += weights.low.z * values;
  (*sums)[3] += weights.low.w * values;
  (*sums)[4] += weights.high.x * values;
  (*sums)[5] += weights.high.y * values;
  (*sums)[6] += weights.high.z * values;
  (*sums)[7] += weights.high.w * values;
}

// Where the four pixels of a channel of `gradients` are.
fn placesOf(tile: Tile, channel: u32) -> vec4u {
  let at = (tile.n * (sizes.inter + sizes.channels) + channel) * sizes.height * sizes.width;
  return at + tile.pixel;
}

fn storeGradients(tile: Tile, channel: u32, values: vec4f) {
  let at = placesOf(tile, channel);
  if (tile.live.x) { gradients[at.x] = real(values.x); }
  if (tile.live.y) { gradients[at.y] = real(values.y); }
  if (tile.live.z) { gradients[at.z] = real(values.z); }
  if (tile.live.w) { gradients[at.w] = real(values.w); }
}

// What the invocation itself stored; zero where there is no pixel.
fn storedGradients(tile: Tile, channel: u32) -> vec4f {
  let at = placesOf(tile, channel);
  let stored = vec4f(f32(gradients[at.x]), f32(gradients[at.y]), f32(gradients[at.z]), f32(gradients[at.w]));
  return select(vec4f(), stored, tile.live);
}

// What a block had before the ReLU waits where its gradient will be. Here and below each of the 8 channels has a line of its
// own, not a loop: a variable index would move them out of registers.
fn keepPre(tile: Tile, block: u32, pre: array<vec4f, 8>) {
  storeGradients(tile, 8u * block, pre[0]);
  storeGradients(tile, 8u * block + 1u, pre[1]);
  storeGradients(tile, 8u * block + 2u, pre[2]);
  storeGradients(tile, 8u * block + 3u, pre[3]);
  storeGradients(tile, 8u * block + 4u, pre[4]);
  storeGradients(tile, 8u * block + 5u, pre[5]);
  storeGradients(tile, 8u * block + 6u, pre[6]);
  storeGradients(tile, 8u * block + 7u, pre[7]);
}

fn keptPre(tile: Tile, block: u32) -> array<vec4f, 8> {
  return array<vec4f, 8>(
    storedGradients(tile, 8u * block),
    storedGradients(tile, 8u * block + 1u),
    storedGradients(tile, 8u * block + 2u),
    storedGradients(tile, 8u * block + 3u),
    storedGradients(tile, 8u * block + 4u),
    storedGradients(tile, 8u * block + 5u),
    storedGradients(tile, 8u * block + 6u),
    storedGradients(tile, 8u * block + 7u),
  );
}

fn total(values: vec4f) -> f32 { return (values.x + values.y) + (values.z + values.w); }

// What an intermediate channel adds to the gradients of its bias and its psi.
struct ChannelSums { bias: f32, psi: f32 }

// Stores the gradient of an intermediate channel before the ReLU.
fn storeGradPre(tile: Tile, j: u32, gradScore: vec4f, psi: f32, pre: vec4f) -> ChannelSums {
  let gradient = select(vec4f(), gradScore * psi, pre > vec4f());
  if (j < sizes.inter) { storeGradients(tile, j, gradient); }
  return ChannelSums(total(gradient), total(gradScore * max(pre, vec4f())));
}

// All four are finished before the first is stored, so that what they load is under way together.
fn finishTile(channel: OutputChannel, tile: Tile, values: vec4f) -> vec4f {
  return vec4f(
    finishOutput(channel, values.x, tile.y.x, tile.x.x, tile.pixel.x),
    finishOutput(channel, values.y, tile.y.y, tile.x.y, tile.pixel.y),
    finishOutput(channel, values.z, tile.y.z, tile.x.z, tile.pixel.z),
    finishOutput(channel, values.w, tile.y.w, tile.x.w, tile.pixel.w),
  );
}

fn storeTile(s: ptr<function, Statistics>, channel: OutputChannel, tile: Tile, finished: vec4f) {
  if (tile.live.x) { addToStatistics(s, channel, finished.x, tile.y.x, tile.x.x, tile.pixel.x); }
  if (tile.live.y) { addToStatistics(s, channel, finished.y, tile.y.y, tile.x.y, tile.pixel.y); }
  if (tile.live.z) { addToStatistics(s, channel, finished.z, tile.y.z, tile.x.z, tile.pixel.z); }
  if (tile.live.w) { addToStatistics(s, channel, finished.w, tile.y.w, tile.x.w, tile.pixel.w); }
  if (tile.live.x) { storeOutput(channel, finished.x, tile.y.x, tile.x.x, tile.pixel.x); }
  if (tile.live.y) { storeOutput(channel, finished.y, tile.y.y, tile.x.y, tile.pixel.y); }
  if (tile.live.z) { storeOutput(channel, finished.z, tile.y.z, tile.x.z, tile.pixel.z); }
  if (tile.live.w) { storeOutput(channel, finished.w, tile.y.w, tile.x.w, tile.pixel.w); }
}

// Stores a channel of the gradients of gating and of skip; the latter gets alpha times the gradient of the output besides.
// What either loads is under way before anything is stored.
fn storeChannel(tile: Tile, first: u32, block: u32, lane: u32, alpha: vec4f, ofSkip: vec4f, ofGating: vec4f) {
  let c = first + block;
  var s: Statistics;
  if (c < sizes.channels) {
    let direct = gradOutputAt(prepareGradOutput(tile.n, c), tile);
    let channel = prepareOutput(tile.n, c);
    let finished = finishTile(channel, tile, ofGating);
    storeTile(&s, channel, tile, finished);
    storeGradients(tile, sizes.inter + c, ofSkip + alpha * direct);
  }
  keepStatistics(s, block, lane);
}

// One call a channel, not a loop: a variable index would move the sums out of registers.
fn storeSums(tile: Tile, first: u32, lane: u32, alpha: vec4f, ofSkip: array<vec4f, 8>, ofGating: array<vec4f, 8>) {
  storeChannel(tile, first, 0u, lane, alpha, ofSkip[0], ofGating[0]);
  storeChannel(tile, first, 1u, lane, alpha, ofSkip[1], ofGating[1]);
  storeChannel(tile, first, 2u, lane, alpha, ofSkip[2], ofGating[2]);
  storeChannel(tile, first, 3u, lane, alpha, ofSkip[3], ofGating[3]);
  storeChannel(tile, first, 4u, lane, alpha, ofSkip[4], ofGating[4]);
  storeChannel(tile, first, 5u, lane, alpha, ofSkip[5], ofGating[5]);
  storeChannel(tile, first, 6u, lane, alpha, ofSkip[6], ofGating[6]);
  storeChannel(tile, first, 7u, lane, alpha, ofSkip[7], ofGating[7]);
}

// The same for adapters that compile on the CPU, see transforms/store-loop.ts.
fn storeSumsInLoop(tile: Tile, first: u32, lane: u32, alpha: vec4f, ofSkip: array<vec4f, 8>, ofGating: array<vec4f, 8>) {
  var toSkip = ofSkip;
  var toGating = ofGating;
  for (var block = 0u; block < sizes.blockChannels; block++) {
    storeChannel(tile, first, block, lane, alpha, toSkip[block], toGating[block]);
  }
}

// Writes one of the sums of a block: 8 of bias, 8 of psi, and with the first block that of psiBias.
fn writeSum(index: u32, row: u32, block: u32) {
  let j = block * 8u + index % 8u;
  let at = row * (2u * sizes.inter + 1u);
  if (index == 16u && block == 0u) { partials[at + 2u * sizes.inter] = keptSum(index); }
  if (index < 16u && j < sizes.inter) { partials[at + index / 8u * sizes.inter + j] = keptSum(index); }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = workgroup.x + workgroup.y * workgroups.x;
  let share = shareOf(group, lane);
  let tile = tileOf(group * LANES + lane);
  let rows = 2u * sizes.channels + 2u; // of a block: wx by channel, wg by channel, bias, psi
  let blocks = (sizes.inter + 7u) / 8u;

  // As forward. What the last block had before the ReLU stays here.
  var gradAlpha: vec4f;
  var pre: array<vec4f, 8>;
  var score = vec4f(loadWeights(blocks * rows, lane).low.x); // psiBias
  for (var block = 0u; block < blocks; block++) {
    pre = preOf(tile, block, lane, &gradAlpha);
    score += scoreOf(loadWeights((block + 1u) * rows - 1u, lane), pre);
    if (block + 1u < blocks) { keepPre(tile, block, pre); }
  }
  let alpha = 1.0 / (1.0 + exp(min(-score, vec4f(80.0))));
  // Zero where there is no pixel.
  let gradScore = select(vec4f(), gradAlpha * alpha * (1.0 - alpha), tile.live);
  keep(4u, lane, vec4f(total(gradScore), 0.0, 0.0, 0.0));

  for (var left = blocks; left > 0u; left--) {
    let block = left - 1u;
    if (left < blocks) { pre = keptPre(tile, block); }
    let psi = loadWeights((block + 1u) * rows - 1u, lane);
    let j = block * 8u;
    let sums0 = storeGradPre(tile, j, gradScore, psi.low.x, pre[0]);
    let sums1 = storeGradPre(tile, j + 1u, gradScore, psi.low.y, pre[1]);
    let sums2 = storeGradPre(tile, j + 2u, gradScore, psi.low.z, pre[2]);
    let sums3 = storeGradPre(tile, j + 3u, gradScore, psi.low.w, pre[3]);
    let sums4 = storeGradPre(tile, j + 4u, gradScore, psi.high.x, pre[4]);
    let sums5 = storeGradPre(tile, j + 5u, gradScore, psi.high.y, pre[5]);
    let sums6 = storeGradPre(tile, j + 6u, gradScore, psi.high.z, pre[6]);
    let sums7 = storeGradPre(tile, j + 7u, gradScore, psi.high.w, pre[7]);
    keep(0u, lane, vec4f(sums0.bias, sums1.bias, sums2.bias, sums3.bias));
    keep(1u, lane, vec4f(sums4.bias, sums5.bias, sums6.bias, sums7.bias));
    keep(2u, lane, vec4f(sums0.psi, sums1.psi, sums2.psi, sums3.psi));
    keep(3u, lane, vec4f(sums4.psi, sums5.psi, sums6.psi, sums7.psi));
    settle();
    if (share.index < sizes.rowCount) {
      for (var sum = share.first; sum < 4u * KEPT; sum += share.step) { writeSum(sum, share.index, block); }
    }
    settle();
  }

  for (var first = 0u; first < sizes.channels; first += CHANNEL_BLOCK) {
    let base = blocks * rows + 1u + first / CHANNEL_BLOCK * 2u * sizes.inter;
    // Zeroed in words: Dawn on Mesa was seen to keep the sums of the round before.
    var ofSkip = array<vec4f, 8>();
    var ofGating = array<vec4f, 8>();
    for (var j = 0u; j < sizes.inter; j += 2u) { // two at a time, as above
      let next = min(j + 1u, sizes.inter - 1u);
      let values0 = storedGradients(tile, j);
      let values1 = select(vec4f(), storedGradients(tile, next), vec4<bool>(j + 1u < sizes.inter));
      addProducts(&ofSkip, loadWeights(base + 2u * j, lane), values0);
      addProducts(&ofGating, loadWeights(base + 2u * j + 1u, lane), values0);
      addProducts(&ofSkip, loadWeights(base + 2u * next, lane), values1);
      addProducts(&ofGating, loadWeights(base + 2u * next + 1u, lane), values1);
    }
    storeSums(tile, first, lane, alpha, ofSkip, ofGating);
    if (group < sizes.groups) { writeStatistics(lane, group, first, sizes.channels); }
    settle();
  }
}
