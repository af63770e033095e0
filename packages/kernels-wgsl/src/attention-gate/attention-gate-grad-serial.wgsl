// Gradient of the attention gate up to its ReLU without barriers: an invocation computes a run of pixels of the gradient at
// wx . skip + wg . gating + bias, eight intermediate channels at a time, and adds up over them the gradients of bias, psi and
// psiBias. For adapters on which invocations run one after another.

alias real = f32;

struct Sizes {
  batch: u32,
  channels: u32,
  inter: u32,
  height: u32,
  width: u32,
  run: u32, // pixels of an invocation
  runs: u32, // of a sample
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> skip: array<real>; // [n, c, h, w]
@group(0) @binding(2) var<storage, read> gating: array<real>; // [n, c, h, w]
@group(0) @binding(3) var<storage, read> parameters: array<f32>; // blocks of 8 rows, see packAttentionGate
@group(0) @binding(4) var<storage, read> alpha: array<real>; // [n, 1, h, w]
@group(0) @binding(5) var<storage, read> gradOutput: array<real>; // [n, c, h, w]
@group(0) @binding(6) var<storage, read_write> output: array<real>; // [n, inter, h, w]
@group(0) @binding(7) var<storage, read_write> partials: array<f32>; // [batch * runs, 2 * inter + 1]: bias, psi, psiBias

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
  return OutputChannel((n * sizes.inter + c) * sizes.height * sizes.width);
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

// What the gate's score at a pixel adds to the loss, by the gradient of its output.
fn gradScoreAt(n: u32, y: u32, x: u32, pixel: u32) -> f32 {
  var gradAlpha = 0.0;
  for (var c = 0u; c < sizes.channels; c++) {
    gradAlpha += loadGradOutput(prepareGradOutput(n, c), y, x, pixel) * loadSkip(prepareSkip(n, c), y, x, pixel);
  }
  let weight = f32(alpha[n * sizes.height * sizes.width + pixel]);
  return gradAlpha * weight * (1.0 - weight);
}

// Writes the sums of four intermediate channels.
fn writeSums(row: u32, j: u32, gradBias: vec4f, gradPsi: vec4f) {
  for (var k = 0u; k < 4u && j + k < sizes.inter; k++) {
    partials[row + j + k] = gradBias[k];
    partials[row + sizes.inter + j + k] = gradPsi[k];
  }
}

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (index >= sizes.batch * sizes.runs) { return; }
  let n = index / sizes.runs;
  let first = index % sizes.runs * sizes.run;
  let end = min(first + sizes.run, sizes.height * sizes.width);
  let row = index * (2u * sizes.inter + 1u);
  let rows = 2u * sizes.channels + 2u;
  let blocks = (sizes.inter + 7u) / 8u;

  for (var block = 0u; block < blocks; block++) {
    let base = block * rows * 8u;
    let bias = base + 2u * sizes.channels * 8u;
    var scores = 0.0;
    var biasLow = vec4f();
    var biasHigh = vec4f();
    var psiLow = vec4f();
    var psiHigh = vec4f();
    for (var pixel = first; pixel < end; pixel++) {
      let y = pixel / sizes.width;
      let x = pixel % sizes.width;
      let gradScore = gradScoreAt(n, y, x, pixel);
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
      let gradLow = select(vec4f(), gradScore * four(bias + 8u), low > vec4f());
      let gradHigh = select(vec4f(), gradScore * four(bias + 12u), high > vec4f());
      for (var k = 0u; k < 4u; k++) {
        let j = block * 8u + k;
        if (j < sizes.inter) { storeOutput(prepareOutput(n, j), gradLow[k], y, x, pixel); }
        if (j + 4u < sizes.inter) { storeOutput(prepareOutput(n, j + 4u), gradHigh[k], y, x, pixel); }
      }
      scores += gradScore;
      biasLow += gradLow;
      biasHigh += gradHigh;
      psiLow += gradScore * max(low, vec4f());
      psiHigh += gradScore * max(high, vec4f());
    }
    writeSums(row, block * 8u, biasLow, psiLow);
    writeSums(row, block * 8u + 4u, biasHigh, psiHigh);
    if (block == 0u) { partials[row + 2u * sizes.inter] = scores; }
  }
}
