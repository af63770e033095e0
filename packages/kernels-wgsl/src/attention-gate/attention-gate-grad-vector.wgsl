// Gradient of the attention gate, of images whose width is a multiple of 4: an invocation computes a tile of 2 rows × 4 columns, two
// quads, first of the gradient at wx . skip + wg . gating + bias, eight intermediate channels at a time, then of the gradients of
// skip and gating, four channels at a time. The gradients of bias, psi and psiBias are summed over the tiles of a workgroup.

alias real = f32;

struct Sizes {
  channels: u32,
  inter: u32,
  height: u32,
  quads: u32, // width / 4
  rows: u32, // of tiles: ceil(height / 2)
  tiles: u32, // batch * rows * quads
  groups: u32, // ceil(tiles / 64), rows of partials
  firstRow: u32, // of parameters: that of the transposed weights
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> skip: array<vec4<real>>; // [n, c, h, w / 4]
@group(0) @binding(2) var<storage, read> gating: array<vec4<real>>; // [n, c, h, w / 4]
@group(0) @binding(3) var<storage, read> parameters: array<vec4f>; // blocks of rows of 8, see packAttentionGate
@group(0) @binding(4) var<storage, read> gradOutput: array<vec4<real>>; // [n, c, h, w / 4]
// Of the intermediate channels before the ReLU, then of skip. One array, so that all fits eight storage buffers.
@group(0) @binding(5) var<storage, read_write> gradients: array<vec4<real>>; // [n, inter + c, h, w / 4]
@group(0) @binding(6) var<storage, read_write> output: array<vec4<real>>; // [n, c, h, w / 4], of gating
@group(0) @binding(7) var<storage, read_write> partials: array<f32>; // [groups, 2 * inter + 1]: bias, psi, psiBias

struct SkipChannel { base: u32 }
fn prepareSkip(n: u32, c: u32) -> SkipChannel {
  return SkipChannel((n * sizes.channels + c) * sizes.height * sizes.quads);
}
fn loadSkipQuad(channel: SkipChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(skip[channel.base + place]);
}

struct GatingChannel { base: u32 }
fn prepareGating(n: u32, c: u32) -> GatingChannel {
  return GatingChannel((n * sizes.channels + c) * sizes.height * sizes.quads);
}
fn loadGatingQuad(channel: GatingChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(gating[channel.base + place]);
}

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.channels + c) * sizes.height * sizes.quads);
}
fn loadGradOutputQuad(channel: GradOutputChannel, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(gradOutput[channel.base + place]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.channels + c) * sizes.height * sizes.quads);
}
fn finishOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) -> vec4f {
  return vec4f(vec4<real>(value));
}
fn storeOutputQuad(channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {
  output[channel.base + place] = vec4<real>(value);
}

const LANES: u32 = 64;
const CHANNEL_BLOCK: u32 = 4;
struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
fn addQuadToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32) {}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}

// Halves of a block of 8 intermediate channels: 1, where the other 4 would be idle, 2, or 3 for several blocks; see forInter in
// attention-gate.ts.
const HALVES: u32 = 3;
fn blockCount() -> u32 { return select((sizes.inter + 7u) / 8u, 1u, HALVES < 3u); }

// A row of parameters for the 8 intermediate channels of a block.
struct Weights { low: vec4f, high: vec4f }
fn loadWeights(row: u32) -> Weights { return Weights(parameters[2u * row], parameters[2u * row + 1u]); }

// A quad of the tile, kept inside the image.
struct Quad {
  n: u32,
  y: u32,
  quad: u32, // of the row
  place: u32, // of the image
  live: bool, // false below the image, and for the invocations beyond the last tile
}

fn quadOf(index: u32, row: u32) -> Quad {
  let tile = min(index, sizes.tiles - 1u);
  let tileRow = tile / sizes.quads;
  let wanted = tileRow % sizes.rows * 2u + row;
  let y = min(wanted, sizes.height - 1u);
  let quad = tile % sizes.quads;
  return Quad(tileRow / sizes.rows, y, quad, y * sizes.quads + quad, index < sizes.tiles && wanted == y);
}

fn skipAt(at: Quad, c: u32) -> vec4f { return loadSkipQuad(prepareSkip(at.n, c), at.y, at.quad, at.place); }
fn gatingAt(at: Quad, c: u32) -> vec4f { return loadGatingQuad(prepareGating(at.n, c), at.y, at.quad, at.place); }
fn gradOutputAt(at: Quad, c: u32) -> vec4f { return loadGradOutputQuad(prepareGradOutput(at.n, c), at.y, at.quad, at.place); }

fn biasOf(base: u32) -> array<vec4f, 8> {
  let bias = loadWeights(base + 2u * sizes.channels);
  return array<vec4f, 8>(
    vec4f(bias.low.x), vec4f(bias.low.y), vec4f(bias.low.z), vec4f(bias.low.w),
    vec4f(bias.high.x), vec4f(bias.high.y), vec4f(bias.high.z), vec4f(bias.high.w),
  );
}

fn addProducts(sums: ptr<function, array<vec4f, 8>>, weights: Weights, values: vec4f) {
  (*sums)[0] += weights.low.x * values;
  (*sums)[1] += weights.low.y * values;
  (*sums)[2] += weights.low.z * values;
  (*sums)[3] += weights.low.w * values;
  if (HALVES == 1u) { return; }
  (*sums)[4] += weights.high.x * values;
  (*sums)[5] += weights.high.y * values;
  (*sums)[6] += weights.high.z * values;
  (*sums)[7] += weights.high.w * values;
}

// What a block adds to the score at the pixels.
fn scoreOf(psi: Weights, pre: array<vec4f, 8>) -> vec4f {
  var score = psi.low.x * max(pre[0], vec4f()) + psi.low.y * max(pre[1], vec4f());
  score += psi.low.z * max(pre[2], vec4f()) + psi.low.w * max(pre[3], vec4f());
  if (HALVES == 1u) { return score; }
  score += psi.high.x * max(pre[4], vec4f()) + psi.high.y * max(pre[5], vec4f());
  return score + psi.high.z * max(pre[6], vec4f()) + psi.high.w * max(pre[7], vec4f());
}

// wx · skip + wg · gating + bias of a block, the four pixels in a vector; with the first block also the gradient of alpha.
fn preOf(at: Quad, block: u32, gradAlpha: ptr<function, vec4f>) -> array<vec4f, 8> {
  let base = block * (2u * sizes.channels + 2u);
  var pre = biasOf(base);
  // Two channels at a time, so that their loads are under way together.
  let pairs = sizes.channels / 2u;
  for (var pair = 0u; pair < pairs; pair++) {
    let c = 2u * pair;
    let skip0 = skipAt(at, c);
    let skip1 = skipAt(at, c + 1u);
    let gating0 = gatingAt(at, c);
    let gating1 = gatingAt(at, c + 1u);
    if (block == 0u) {
      *gradAlpha += gradOutputAt(at, c) * skip0;
      *gradAlpha += gradOutputAt(at, c + 1u) * skip1;
    }
    addProducts(&pre, loadWeights(base + c), skip0);
    addProducts(&pre, loadWeights(base + c + 1u), skip1);
    addProducts(&pre, loadWeights(base + sizes.channels + c), gating0);
    addProducts(&pre, loadWeights(base + sizes.channels + c + 1u), gating1);
  }
  if (sizes.channels % 2u == 1u) {
    let last = sizes.channels - 1u;
    let skip = skipAt(at, last);
    if (block == 0u) { *gradAlpha += gradOutputAt(at, last) * skip; }
    addProducts(&pre, loadWeights(base + last), skip);
    addProducts(&pre, loadWeights(base + sizes.channels + last), gatingAt(at, last));
  }
  return pre;
}

fn placeOf(at: Quad, j: u32) -> u32 {
  return (at.n * (sizes.inter + sizes.channels) + j) * sizes.height * sizes.quads + at.place;
}
fn keepGradient(at: Quad, j: u32, values: vec4f) {
  if (at.live && j < sizes.inter) { gradients[placeOf(at, j)] = vec4<real>(values); }
}
// What the invocation itself kept; zero where there is no at.
fn keptGradient(at: Quad, j: u32) -> vec4f {
  return select(vec4f(), vec4f(gradients[placeOf(at, j)]), at.live);
}

// What a block had before the ReLU waits where its gradient will be. Here and below each of the 8 channels has a line of its
// own, not a loop: a variable index would move them out of registers.
fn keepPre(at: Quad, block: u32, pre: array<vec4f, 8>) {
  keepGradient(at, 8u * block, pre[0]);
  keepGradient(at, 8u * block + 1u, pre[1]);
  keepGradient(at, 8u * block + 2u, pre[2]);
  keepGradient(at, 8u * block + 3u, pre[3]);
  keepGradient(at, 8u * block + 4u, pre[4]);
  keepGradient(at, 8u * block + 5u, pre[5]);
  keepGradient(at, 8u * block + 6u, pre[6]);
  keepGradient(at, 8u * block + 7u, pre[7]);
}

fn keptPre(at: Quad, block: u32) -> array<vec4f, 8> {
  let j = 8u * block;
  return array<vec4f, 8>(
    keptGradient(at, j), keptGradient(at, j + 1u), keptGradient(at, j + 2u), keptGradient(at, j + 3u),
    keptGradient(at, j + 4u), keptGradient(at, j + 5u), keptGradient(at, j + 6u), keptGradient(at, j + 7u),
  );
}

// What a quad has before the ReLU, of the last block, and its alpha and gradient of the score; the latter is zero where there is no
// quad.
struct Scored { pre: array<vec4f, 8>, alpha: vec4f, gradScore: vec4f }

// As forward.
fn scoreQuad(at: Quad) -> Scored {
  let rows = 2u * sizes.channels + 2u; // of a block: wx by channel, wg by channel, bias, psi
  let blocks = blockCount();
  var gradAlpha = vec4f();
  var scored: Scored;
  var score = vec4f(loadWeights(blocks * rows).low.x); // psiBias
  for (var block = 0u; block < blocks; block++) {
    scored.pre = preOf(at, block, &gradAlpha);
    score += scoreOf(loadWeights((block + 1u) * rows - 1u), scored.pre);
    if (HALVES == 3u) { keepPre(at, block, scored.pre); }
  }
  // The exponent stays where exp is finite in f32.
  scored.alpha = 1.0 / (1.0 + exp(min(-score, vec4f(80.0))));
  scored.gradScore = select(vec4f(), gradAlpha * scored.alpha * (1.0 - scored.alpha), at.live);
  return scored;
}

fn total(values: vec4f) -> f32 { return (values.x + values.y) + (values.z + values.w); }

// Gradients of bias and psi of eight intermediate channels, and of psiBias.
struct Sums { bias: Weights, psi: Weights, score: f32 }

// What an intermediate channel adds to the gradients of its bias and its psi, and its gradient before the ReLU, which is stored.
struct OfChannel { bias: f32, psi: f32, gradient: vec4f }

fn storeGradPre(at: Quad, j: u32, gradScore: vec4f, psi: f32, pre: vec4f) -> OfChannel {
  let gradient = select(vec4f(), gradScore * psi, pre > vec4f());
  keepGradient(at, j, gradient);
  return OfChannel(total(gradient), total(gradScore * max(pre, vec4f())), gradient);
}

// Gives the gradients of a block where it has their values before the ReLU.
fn storeBlock(sums: ptr<function, Sums>, at: Quad, block: u32, gradScore: vec4f, pre: array<vec4f, 8>) -> array<vec4f, 8> {
  let psi = loadWeights((block + 1u) * (2u * sizes.channels + 2u) - 1u);
  let j = 8u * block;
  let channel0 = storeGradPre(at, j, gradScore, psi.low.x, pre[0]);
  let channel1 = storeGradPre(at, j + 1u, gradScore, psi.low.y, pre[1]);
  let channel2 = storeGradPre(at, j + 2u, gradScore, psi.low.z, pre[2]);
  let channel3 = storeGradPre(at, j + 3u, gradScore, psi.low.w, pre[3]);
  (*sums).bias.low += vec4f(channel0.bias, channel1.bias, channel2.bias, channel3.bias);
  (*sums).psi.low += vec4f(channel0.psi, channel1.psi, channel2.psi, channel3.psi);
  var gradients: array<vec4f, 8>;
  gradients[0] = channel0.gradient;
  gradients[1] = channel1.gradient;
  gradients[2] = channel2.gradient;
  gradients[3] = channel3.gradient;
  if (HALVES == 1u) { return gradients; }
  let channel4 = storeGradPre(at, j + 4u, gradScore, psi.high.x, pre[4]);
  let channel5 = storeGradPre(at, j + 5u, gradScore, psi.high.y, pre[5]);
  let channel6 = storeGradPre(at, j + 6u, gradScore, psi.high.z, pre[6]);
  let channel7 = storeGradPre(at, j + 7u, gradScore, psi.high.w, pre[7]);
  (*sums).bias.high += vec4f(channel4.bias, channel5.bias, channel6.bias, channel7.bias);
  (*sums).psi.high += vec4f(channel4.psi, channel5.psi, channel6.psi, channel7.psi);
  gradients[4] = channel4.gradient;
  gradients[5] = channel5.gradient;
  gradients[6] = channel6.gradient;
  gradients[7] = channel7.gradient;
  return gradients;
}

const KEPT: u32 = 5; // gradients of bias and psi of eight channels, of psiBias
const SHARES: u32 = 8;
var<workgroup> kept: array<vec4f, LANES * KEPT>;

// Sums over the workgroup in two stages, SHARES invocations a vector and then one a number, and writes the row of a block.
fn writeSums(sums: Sums, row: u32, block: u32, lane: u32) {
  workgroupBarrier(); // what lay there was read
  kept[lane] = sums.bias.low;
  kept[LANES + lane] = sums.bias.high;
  kept[2u * LANES + lane] = sums.psi.low;
  kept[3u * LANES + lane] = sums.psi.high;
  kept[4u * LANES + lane] = vec4f(sums.score, 0.0, 0.0, 0.0);
  workgroupBarrier();
  if (lane < KEPT * SHARES) {
    let first = lane / SHARES * LANES + lane % SHARES; // who reads it is who writes it
    var part = kept[first];
    for (var i = SHARES; i < LANES; i += SHARES) { part += kept[first + i]; }
    kept[first] = part;
  }
  workgroupBarrier();
  let j = block * 8u + lane % 8u;
  let used = select(lane < 16u && j < sizes.inter, block == 0u, lane == 16u);
  if (row < sizes.groups && used) {
    var sum = 0.0;
    for (var part = 0u; part < SHARES; part++) { sum += kept[lane / 4u * LANES + part][lane % 4u]; }
    partials[row * (2u * sizes.inter + 1u) + select(lane / 8u * sizes.inter + j, 2u * sizes.inter, lane == 16u)] = sum;
  }
}

// The gradients of four channels of skip and of gating: [channel][row], the four columns in a vector.
struct ImageSums { skip: array<vec4f, 8>, gating: array<vec4f, 8> }

fn addRows(sums: ptr<function, array<vec4f, 8>>, weights: vec4f, upper: vec4f, lower: vec4f) {
  (*sums)[0] += weights.x * upper;
  (*sums)[1] += weights.x * lower;
  (*sums)[2] += weights.y * upper;
  (*sums)[3] += weights.y * lower;
  (*sums)[4] += weights.z * upper;
  (*sums)[5] += weights.z * lower;
  (*sums)[6] += weights.w * upper;
  (*sums)[7] += weights.w * lower;
}

// Adds an intermediate channel; one beyond the last counts nothing.
fn addToImages(sums: ptr<function, ImageSums>, first: u32, j: u32, upper: vec4f, lower: vec4f) {
  // For each 8 channels a row of wx and one of wg by intermediate channel, of which the four are a half.
  let row = 2u * (sizes.firstRow + 2u * (first / 8u * sizes.inter + min(j, sizes.inter - 1u))) + first / CHANNEL_BLOCK % 2u;
  let counts = j < sizes.inter;
  addRows(&(*sums).skip, select(vec4f(), parameters[row], counts), upper, lower);
  addRows(&(*sums).gating, select(vec4f(), parameters[row + 2u], counts), upper, lower);
}

fn storeQuad(s: ptr<function, Statistics>, channel: OutputChannel, at: Quad, c: u32, finished: vec4f, ofSkip: vec4f) {
  if (!at.live) { return; }
  addQuadToStatistics(s, channel, finished, at.y, at.quad, at.place);
  storeOutputQuad(channel, finished, at.y, at.quad, at.place);
  gradients[placeOf(at, sizes.inter + c)] = vec4<real>(ofSkip);
}

// A quad of the tile and its alpha.
struct Gated { at: Quad, alpha: vec4f }

// Stores a channel of the gradients of gating and of skip; the latter gets alpha times the gradient of the output besides.
// What either loads is under way before anything is stored.
fn storeChannel(c: u32, index: u32, lane: u32, upper: Gated, lower: Gated, skip0: vec4f, skip1: vec4f, gating0: vec4f, gating1: vec4f) {
  var s: Statistics;
  if (upper.at.live && c < sizes.channels) {
    let direct0 = gradOutputAt(upper.at, c);
    let direct1 = gradOutputAt(lower.at, c);
    let channel = prepareOutput(upper.at.n, c);
    let finished0 = finishOutputQuad(channel, gating0, upper.at.y, upper.at.quad, upper.at.place);
    let finished1 = finishOutputQuad(channel, gating1, lower.at.y, lower.at.quad, lower.at.place);
    storeQuad(&s, channel, upper.at, c, finished0, skip0 + upper.alpha * direct0);
    storeQuad(&s, channel, lower.at, c, finished1, skip1 + lower.alpha * direct1);
  }
  keepStatistics(s, index, lane);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = workgroup.x + workgroup.y * workgroups.x;
  let upper = quadOf(group * LANES + lane, 0u);
  let lower = quadOf(group * LANES + lane, 1u);
  let scored0 = scoreQuad(upper);
  let scored1 = scoreQuad(lower);

  // Of the only block; those of several are read again.
  var gradients0 = scored0.pre;
  var gradients1 = scored1.pre;
  for (var block = 0u; block < blockCount(); block++) {
    if (HALVES == 3u) {
      gradients0 = keptPre(upper, block);
      gradients1 = keptPre(lower, block);
    }
    var sums = Sums(Weights(), Weights(), total(scored0.gradScore) + total(scored1.gradScore));
    gradients0 = storeBlock(&sums, upper, block, scored0.gradScore, gradients0);
    gradients1 = storeBlock(&sums, lower, block, scored1.gradScore, gradients1);
    writeSums(sums, group, block, lane);
  }

  for (var first = 0u; first < sizes.channels; first += CHANNEL_BLOCK) {
    var sums = ImageSums(array<vec4f, 8>(), array<vec4f, 8>());
    if (HALVES == 3u) {
      for (var j = 0u; j < sizes.inter; j += 2u) { // two at a time, so that their loads are under way together
        let next = min(j + 1u, sizes.inter - 1u);
        let upper0 = keptGradient(upper, j);
        let lower0 = keptGradient(lower, j);
        let upper1 = keptGradient(upper, next);
        let lower1 = keptGradient(lower, next);
        addToImages(&sums, first, j, upper0, lower0);
        addToImages(&sums, first, j + 1u, upper1, lower1);
      }
    } else {
      addToImages(&sums, first, 0u, gradients0[0], gradients1[0]);
      addToImages(&sums, first, 1u, gradients0[1], gradients1[1]);
      addToImages(&sums, first, 2u, gradients0[2], gradients1[2]);
      addToImages(&sums, first, 3u, gradients0[3], gradients1[3]);
    }
    if (HALVES == 2u) {
      addToImages(&sums, first, 4u, gradients0[4], gradients1[4]);
      addToImages(&sums, first, 5u, gradients0[5], gradients1[5]);
      addToImages(&sums, first, 6u, gradients0[6], gradients1[6]);
      addToImages(&sums, first, 7u, gradients0[7], gradients1[7]);
    }
    let gated0 = Gated(upper, scored0.alpha);
    let gated1 = Gated(lower, scored1.alpha);
    let skip = sums.skip;
    let gating = sums.gating;
    // One call a channel, not a loop: a variable index would move the sums out of registers.
    storeChannel(first, 0u, lane, gated0, gated1, skip[0], skip[1], gating[0], gating[1]);
    storeChannel(first + 1u, 1u, lane, gated0, gated1, skip[2], skip[3], gating[2], gating[3]);
    storeChannel(first + 2u, 2u, lane, gated0, gated1, skip[4], skip[5], gating[4], gating[5]);
    storeChannel(first + 3u, 3u, lane, gated0, gated1, skip[6], skip[7], gating[6], gating[7]);
    if (group < sizes.groups) { writeStatistics(lane, group, first, sizes.channels); }
    workgroupBarrier();
  }
}
