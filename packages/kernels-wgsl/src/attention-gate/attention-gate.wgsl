// Additive attention gate: gated = sigmoid(psi . relu(wx . skip + wg . gating + bias) + psiBias) * skip.
// An invocation computes a tile of four pixels, eight intermediate channels at a time.

alias real = f32;

struct Sizes {
  channels: u32,
  inter: u32,
  height: u32,
  width: u32,
  quarter: u32, // ceil(height * width / 4)
  tiles: u32, // batch * quarter
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> skip: array<real>; // [n, c, h, w]
@group(0) @binding(2) var<storage, read> gating: array<real>; // [n, c, h, w]
@group(0) @binding(3) var<storage, read> parameters: array<vec4f>; // blocks of rows of 8, see packAttentionGate
@group(0) @binding(4) var<storage, read_write> alpha: array<real>; // [n, 1, h, w]
@group(0) @binding(5) var<storage, read_write> output: array<real>; // [n, c, h, w]

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

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn finishOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32 { return f32(real(value)); }
fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  output[channel.base + pixel] = real(value);
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

// wx · skip + wg · gating + bias of the block whose first row of parameters is `base`, the four pixels in a vector.
fn preOf(tile: Tile, base: u32, lane: u32) -> array<vec4f, 8> {
  let bias = loadWeights(base + 2u * sizes.channels, lane);
  var pre = array<vec4f, 8>(
    vec4f(bias.low.x), vec4f(bias.low.y), vec4f(bias.low.z), vec4f(bias.low.w),
    vec4f(bias.high.x), vec4f(bias.high.y), vec4f(bias.high.z), vec4f(bias.high.w),
  );
  // Two channels at a time, so that their loads are under way together; a channel beyond the last counts nothing.
  for (var c = 0u; c < sizes.channels; c += 2u) {
    let next = min(c + 1u, sizes.channels - 1u);
    let counts = vec4<bool>(c + 1u < sizes.channels);
    let skip0 = skipAt(prepareSkip(tile.n, c), tile);
    let skip1 = select(vec4f(), skipAt(prepareSkip(tile.n, next), tile), counts);
    let gating0 = gatingAt(prepareGating(tile.n, c), tile);
    let gating1 = select(vec4f(), gatingAt(prepareGating(tile.n, next), tile), counts);
    addProducts(&pre, loadWeights(base + c, lane), skip0);
    addProducts(&pre, loadWeights(base + next, lane), skip1);
    addProducts(&pre, loadWeights(base + sizes.channels + c, lane), gating0);
    addProducts(&pre, loadWeights(base + sizes.channels + next, lane), gating1);
  }
  return pre;
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

// All four are finished before the first is stored, so that what they load is under way together.
fn finishTile(channel: OutputChannel, tile: Tile, values: vec4f) -> vec4f {
  return vec4f(
    finishOutput(channel, values.x, tile.y.x, tile.x.x, tile.pixel.x),
    finishOutput(channel, values.y, tile.y.y, tile.x.y, tile.pixel.y),
    finishOutput(channel, values.z, tile.y.z, tile.x.z, tile.pixel.z),
    finishOutput(channel, values.w, tile.y.w, tile.x.w, tile.pixel.w),
  );
}

fn storeTile(channel: OutputChannel, tile: Tile, values: vec4f) {
  let finished = finishTile(channel, tile, values);
  if (tile.live.x) { storeOutput(channel, finished.x, tile.y.x, tile.x.x, tile.pixel.x); }
  if (tile.live.y) { storeOutput(channel, finished.y, tile.y.y, tile.x.y, tile.pixel.y); }
  if (tile.live.z) { storeOutput(channel, finished.z, tile.y.z, tile.x.z, tile.pixel.z); }
  if (tile.live.w) { storeOutput(channel, finished.w, tile.y.w, tile.x.w, tile.pixel.w); }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = tileOf((workgroup.x + workgroup.y * workgroups.x) * 64u + lane);
  let rows = 2u * sizes.channels + 2u; // of a block: wx by channel, wg by channel, bias, psi
  let blocks = (sizes.inter + 7u) / 8u;
  var score = vec4f(loadWeights(blocks * rows, lane).low.x); // psiBias
  for (var block = 0u; block < blocks; block++) {
    let base = block * rows;
    let pre = preOf(tile, base, lane);
    let psi = loadWeights(base + rows - 1u, lane);
    score += psi.low.x * max(pre[0], vec4f()) + psi.low.y * max(pre[1], vec4f());
    score += psi.low.z * max(pre[2], vec4f()) + psi.low.w * max(pre[3], vec4f());
    score += psi.high.x * max(pre[4], vec4f()) + psi.high.y * max(pre[5], vec4f());
    score += psi.high.z * max(pre[6], vec4f()) + psi.high.w * max(pre[7], vec4f());
  }
  // The exponent stays where exp is finite in f32.
  let sigmoid = 1.0 / (1.0 + exp(min(-score, vec4f(80.0))));
  var weight: vec4f;
  for (var i = 0u; i < 4u; i++) {
    let stored = real(sigmoid[i]);
    weight[i] = f32(stored);
    if (tile.live[i]) { alpha[tile.n * sizes.height * sizes.width + tile.pixel[i]] = stored; }
  }
  for (var c = 0u; c < sizes.channels; c++) {
    storeTile(prepareOutput(tile.n, c), tile, weight * skipAt(prepareSkip(tile.n, c), tile));
  }
}
