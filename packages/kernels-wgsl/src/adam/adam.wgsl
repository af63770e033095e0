// One step of Adam or AdamW over flat arrays: one invocation updates four parameters.

struct Sizes {
  quads: u32, // ceil(length / 4)
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> parameters: array<vec4f>; // [length]
@group(0) @binding(2) var<storage, read> gradients: array<vec4f>; // [length]
@group(0) @binding(3) var<storage, read_write> firstMoment: array<vec4f>; // [length]
@group(0) @binding(4) var<storage, read_write> secondMoment: array<vec4f>; // [length]
@group(0) @binding(5) var<storage, read> hyper: array<f32>; // [8], see below; [10] where SCALED

const LANES: u32 = 64;
const SCALED = false; // tunable: whether the gradients are those of a scaled loss, and the step may be skipped

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (index >= sizes.quads) { return; }
  if (SCALED && hyper[9] == 0.0) { return; }
  let learningRate = hyper[0];
  // 1 − β and not β: 1 − f32(0.999) would be 4.7e-5 off.
  let complement1 = hyper[1];
  let complement2 = hyper[2];
  let epsilon = hyper[3];
  let weightDecay = hyper[4];
  let biasCorrection1 = hyper[5];
  let sqrtBiasCorrection2 = hyper[6];
  let decoupledWeightDecay = hyper[7];

  let before = parameters[index];
  let parameter = before * (1.0 - learningRate * decoupledWeightDecay);
  var given = gradients[index];
  if (SCALED) { given *= hyper[8]; }
  let gradient = given + weightDecay * before;
  let first = firstMoment[index] + complement1 * (gradient - firstMoment[index]);
  let second = secondMoment[index] + complement2 * (gradient * gradient - secondMoment[index]);
  let denominator = sqrt(second) / sqrtBiasCorrection2 + epsilon;
  firstMoment[index] = first;
  secondMoment[index] = second;
  parameters[index] = parameter - learningRate / biasCorrection1 * (first / denominator);
}
