// Batch norm, gradient: sums up the partial sums of a channel and gives its parameters' gradients and the coefficients
// of the input's. One invocation a channel, without barriers: for adapters on which invocations run one after another.
// gradInput = k.x * gradOutput + k.y * (x - k.w) + k.z

struct Sizes {
  channels: u32,
  partials: u32,
  trainingStatistics: u32, // 0: mean and variance were constants
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> statistics: array<vec4f>; // [partials, c]: count, sum g, sum g * normalized x, 0
@group(0) @binding(2) var<storage, read> coefficients: array<vec4f>; // [c]: scale, bias, mean, 1 / deviation
@group(0) @binding(3) var<storage, read_write> gradCoefficients: array<vec4f>; // [c]
@group(0) @binding(4) var<storage, read_write> gradWeight: array<f32>; // [c]
@group(0) @binding(5) var<storage, read_write> gradBias: array<f32>; // [c]

const LANES: u32 = 64;
const RUN: u32 = 128;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let c = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (c >= sizes.channels) { return; }
  var sums = vec3f();
  for (var first = 0u; first < sizes.partials; first += RUN) {
    var some = vec3f(); // in runs, so that many partials keep their digits
    for (var p = first; p < min(first + RUN, sizes.partials); p++) { some += statistics[p * sizes.channels + c].xyz; }
    sums += some;
  }
  let k = coefficients[c];
  let share = select(0.0, 1.0 / sums.x, sizes.trainingStatistics != 0u);
  gradCoefficients[c] = vec4f(k.x, -k.x * k.w * sums.z * share, -k.x * sums.y * share, k.z);
  gradWeight[c] = sums.z;
  gradBias[c] = sums.y;
}
