// One step of stochastic gradient descent over flat arrays: one invocation updates four parameters.

struct Sizes {
  quads: u32, // ceil(length / 4)
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> parameters: array<vec4f>; // [length]
@group(0) @binding(2) var<storage, read> gradients: array<vec4f>; // [length]
@group(0) @binding(3) var<storage, read_write> momentumBuffer: array<vec4f>; // [length]
@group(0) @binding(4) var<storage, read> hyper: array<f32>; // [8], see below; [10] where SCALED

const LANES: u32 = 64;
const SCALED = false; // tunable: whether the gradients have a factor, and the step may be skipped

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
  let momentum = hyper[3];
  let weightDecay = hyper[4];

  let before = parameters[index];
  var given = gradients[index];
  if (SCALED) { given *= hyper[8]; }
  let gradient = given + weightDecay * before;
  let gathered = momentum * momentumBuffer[index] + gradient;
  momentumBuffer[index] = gathered;
  parameters[index] = before - learningRate * (gradient + momentum * gathered);
}
