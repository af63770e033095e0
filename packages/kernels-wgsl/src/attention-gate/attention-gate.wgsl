// Additive attention gate: gated = sigmoid(psi . relu(wx . skip + wg . gating + bias) + psiBias) * skip.
// An invocation computes one pixel, eight intermediate channels at a time.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32,
  inter: u32,
  height: u32,
  width: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> skip: array<real>; // [n, c, h, w]
@group(0) @binding(2) var<storage, read> gating: array<real>; // [n, c, h, w]
@group(0) @binding(3) var<storage, read> parameters: array<f32>; // blocks of 8 rows, see packAttentionGate
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
fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32 {
  let stored = real(value);
  output[channel.base + pixel] = stored;
  return f32(stored);
}

// Four consecutive parameters.
fn four(at: u32) -> vec4f {
  return vec4f(parameters[at], parameters[at + 1u], parameters[at + 2u], parameters[at + 3u]);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = id.x + id.y * workgroups.x * 64u;
  let plane = sizes.height * sizes.width;
  if (index >= sizes.batch * plane) { return; }
  let n = index / plane;
  let pixel = index % plane;
  let y = pixel / sizes.width;
  let x = pixel % sizes.width;
  let rows = 2u * sizes.channels + 2u; // of 8: wx by channel, wg by channel, bias, psi
  let blocks = (sizes.inter + 7u) / 8u;
  var score = parameters[blocks * rows * 8u]; // psiBias
  for (var block = 0u; block < blocks; block++) {
    let base = block * rows * 8u;
    let bias = base + 2u * sizes.channels * 8u;
    var low = four(bias);
    var high = four(bias + 4u);
    for (var c = 0u; c < sizes.channels; c++) {
      let fromSkip = loadSkip(prepareSkip(n, c), y, x, pixel);
      let fromGating = loadGating(prepareGating(n, c), y, x, pixel);
      let wx = base + c * 8u;
      let wg = wx + sizes.channels * 8u;
      low += fromSkip * four(wx) + fromGating * four(wg);
      high += fromSkip * four(wx + 4u) + fromGating * four(wg + 4u);
    }
    score += dot(max(low, vec4f()), four(bias + 8u)) + dot(max(high, vec4f()), four(bias + 12u));
  }
  // The exponent stays where exp is finite in f32.
  let weight = f32(real(1.0 / (1.0 + exp(min(-score, 80.0)))));
  alpha[index] = real(weight);
  for (var c = 0u; c < sizes.channels; c++) {
    storeOutput(prepareOutput(n, c), weight * loadSkip(prepareSkip(n, c), y, x, pixel), y, x, pixel);
  }
}
