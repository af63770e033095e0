// Additive attention gate: gated = sigmoid(psi . relu(wx . skip + wg . gating + bias) + psiBias) * skip, of images whose width is
// a multiple of 4. An invocation computes four pixels of a row, a quad, eight intermediate channels at a time.

alias real = f32;

struct Sizes {
  channels: u32,
  inter: u32,
  height: u32,
  quads: u32, // width / 4
  tiles: u32, // batch * height * quads
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> skip: array<vec4<real>>; // [n, c, h, w / 4]
@group(0) @binding(2) var<storage, read> gating: array<vec4<real>>; // [n, c, h, w / 4]
@group(0) @binding(3) var<storage, read> parameters: array<vec4f>; // blocks of rows of 8, see packAttentionGate
@group(0) @binding(4) var<storage, read_write> alpha: array<vec4<real>>; // [n, 1, h, w / 4]
@group(0) @binding(5) var<storage, read_write> output: array<vec4<real>>; // [n, c, h, w / 4]

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

// Halves of a block of 8 intermediate channels: 1, where the other 4 would be idle, 2, or 3 for several blocks; see forInter in
// attention-gate.ts.
const HALVES: u32 = 3;
fn blockCount() -> u32 { return select((sizes.inter + 7u) / 8u, 1u, HALVES < 3u); }

// A row of parameters for the 8 intermediate channels of a block.
struct Weights { low: vec4f, high: vec4f }
fn loadWeights(row: u32) -> Weights { return Weights(parameters[2u * row], parameters[2u * row + 1u]); }

// A quad of an image.
struct Tile {
  n: u32,
  y: u32,
  quad: u32, // of the row
  place: u32, // of the image
  live: bool, // false for the invocations beyond the last tile
}

fn tileOf(index: u32) -> Tile {
  let at = min(index, sizes.tiles - 1u);
  let plane = sizes.height * sizes.quads;
  let place = at % plane;
  return Tile(at / plane, place / sizes.quads, place % sizes.quads, place, index < sizes.tiles);
}

fn skipAt(tile: Tile, c: u32) -> vec4f {
  return loadSkipQuad(prepareSkip(tile.n, c), tile.y, tile.quad, tile.place);
}

fn gatingAt(tile: Tile, c: u32) -> vec4f {
  return loadGatingQuad(prepareGating(tile.n, c), tile.y, tile.quad, tile.place);
}

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

// wx · skip + wg · gating + bias of the block whose first row of parameters is `base`, the four pixels in a vector.
fn preOf(tile: Tile, base: u32) -> array<vec4f, 8> {
  var pre = biasOf(base);
  // Two channels at a time, so that their loads are under way together.
  let pairs = sizes.channels / 2u;
  for (var pair = 0u; pair < pairs; pair++) {
    let c = 2u * pair;
    let skip0 = skipAt(tile, c);
    let skip1 = skipAt(tile, c + 1u);
    let gating0 = gatingAt(tile, c);
    let gating1 = gatingAt(tile, c + 1u);
    addProducts(&pre, loadWeights(base + c), skip0);
    addProducts(&pre, loadWeights(base + c + 1u), skip1);
    addProducts(&pre, loadWeights(base + sizes.channels + c), gating0);
    addProducts(&pre, loadWeights(base + sizes.channels + c + 1u), gating1);
  }
  if (sizes.channels % 2u == 1u) {
    let last = sizes.channels - 1u;
    addProducts(&pre, loadWeights(base + last), skipAt(tile, last));
    addProducts(&pre, loadWeights(base + sizes.channels + last), gatingAt(tile, last));
  }
  return pre;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = tileOf((workgroup.x + workgroup.y * workgroups.x) * 64u + lane);
  let rows = 2u * sizes.channels + 2u; // of a block: wx by channel, wg by channel, bias, psi
  let blocks = blockCount();
  var score = vec4f(loadWeights(blocks * rows).low.x); // psiBias
  for (var block = 0u; block < blocks; block++) {
    score += scoreOf(loadWeights((block + 1u) * rows - 1u), preOf(tile, block * rows));
  }
  // The exponent stays where exp is finite in f32.
  let stored = vec4<real>(1.0 / (1.0 + exp(min(-score, vec4f(80.0)))));
  if (!tile.live) { return; }
  alpha[tile.n * sizes.height * sizes.quads + tile.place] = stored;
  for (var c = 0u; c < sizes.channels; c++) {
    let channel = prepareOutput(tile.n, c);
    let finished = finishOutputQuad(channel, vec4f(stored) * skipAt(tile, c), tile.y, tile.quad, tile.place);
    storeOutputQuad(channel, finished, tile.y, tile.quad, tile.place);
  }
}
