// Weight gradient of the depthwise 3×3 convolution: one invocation sums the 9 taps of one channel over strips of pixels.
// A strip is one column wide and some rows high; an invocation walks down it and keeps three rows of input in registers.
// A workgroup takes every `partialCount`-th group of 32 strips, then merges the sums of its invocations.

alias real = f32;

struct Sizes {
  channels: u32,
  height: u32,
  width: u32,
  rowStrips: u32, // ceil(height / rows)
  rows: u32, // rows of a strip
  strips: u32, // batch * rowStrips * width
  partialCount: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, c, h, w]
@group(0) @binding(2) var<storage, read> gradOutput: array<real>; // [n, c, h, w]
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // [partialCount, c, 1, 3, 3]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadGradOutput(channel: GradOutputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(gradOutput[channel.base + pixel]);
}

const LANES: u32 = 32;
const KEPT: u32 = 3; // the nine taps, row by row, and three zeros
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

// The columns x − 1, x and x + 1 of a row, zero outside the image; row −1 comes as a huge value.
fn loadRow(channel: InputChannel, row: u32, x: u32) -> vec3f {
  let y = min(row, sizes.height - 1u);
  let columns = vec3u(max(x, 1u) - 1u, x, min(x + 1u, sizes.width - 1u));
  let first = y * sizes.width;
  let values = vec3f(
    loadInput(channel, y, columns.x, first + columns.x),
    loadInput(channel, y, columns.y, first + columns.y),
    loadInput(channel, y, columns.z, first + columns.z),
  );
  let inside = vec3<bool>(x > 0u, true, x + 1u < sizes.width) & vec3<bool>(row < sizes.height);
  return select(vec3f(), values, inside);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let share = shareOf(workgroup.x + workgroup.y * workgroups.x, lane);
  let c = share.index % sizes.channels;
  let partial = share.index / sizes.channels;

  var top: vec3f;
  var center: vec3f;
  var bottom: vec3f;
  let strips = select(0u, sizes.strips, partial < sizes.partialCount);
  for (var strip = partial * share.step + share.first; strip < strips; strip += sizes.partialCount * share.step) {
    let x = strip % sizes.width;
    let firstRow = strip / sizes.width % sizes.rowStrips * sizes.rows;
    let n = strip / sizes.width / sizes.rowStrips;
    let image = prepareInput(n, c);
    let gradient = prepareGradOutput(n, c);
    var above = loadRow(image, firstRow - 1u, x);
    var middle = loadRow(image, firstRow, x);
    for (var y = firstRow; y < min(firstRow + sizes.rows, sizes.height); y++) {
      let below = loadRow(image, y + 1u, x);
      let g = loadGradOutput(gradient, y, x, y * sizes.width + x);
      top += g * above;
      center += g * middle;
      bottom += g * below;
      above = middle;
      middle = below;
    }
  }

  keep(0u, lane, vec4f(top, center.x));
  keep(1u, lane, vec4f(center.yz, bottom.xy));
  keep(2u, lane, vec4f(bottom.z, 0.0, 0.0, 0.0));
  settle();
  if (partial < sizes.partialCount) {
    for (var tap = share.first; tap < 9u; tap += share.step) {
      partials[(partial * sizes.channels + c) * 9u + tap] = keptSum(tap);
    }
  }
}
