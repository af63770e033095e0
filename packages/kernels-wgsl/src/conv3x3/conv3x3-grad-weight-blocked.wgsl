// Weight gradient of the 3×3 convolution: one invocation sums 4 output × 2 input channels × 9 taps over strips of pixels.
// A strip is 2 columns wide and some rows high; an invocation walks down it and keeps three rows of input in registers.
// A workgroup takes every `partialCount`-th group of 32 strips, then sums over its invocations.

alias real = f32;

struct Sizes {
  inChannels: u32,
  outChannels: u32,
  height: u32,
  width: u32,
  inBlocks: u32, // ceil(inChannels / 2)
  outBlocks: u32, // ceil(outChannels / 4)
  rowStrips: u32, // ceil(height / rows)
  columnStrips: u32, // ceil(width / 2)
  rows: u32, // rows of a strip
  strips: u32, // batch * rowStrips * columnStrips
  partialCount: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, ci, h, w]
@group(0) @binding(2) var<storage, read> gradOutput: array<real>; // [n, co, h, w]
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // [partialCount, co, ci, 3, 3]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.inChannels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct GradOutputChannel { base: u32 }
fn prepareGradOutput(n: u32, c: u32) -> GradOutputChannel {
  return GradOutputChannel((n * sizes.outChannels + c) * sizes.height * sizes.width);
}
fn loadGradOutput(channel: GradOutputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(gradOutput[channel.base + pixel]);
}

const LANES: u32 = 32; // kept stays within WebGPU's default of 16 KiB
const KEPT: u32 = 18; // input channel and tap, the four output channels in a vector
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

// The four columns x − 1 … x + 2 that a strip reads, kept inside the image.
struct Columns { at: vec4u, inside: vec4<bool> }

// One row of the strip's four columns, zero outside the image; −1 comes as a huge value.
fn loadRow(channel: InputChannel, columns: Columns, row: u32) -> vec4f {
  let y = min(row, sizes.height - 1u);
  let first = y * sizes.width;
  let values = vec4f(
    loadInput(channel, y, columns.at.x, first + columns.at.x),
    loadInput(channel, y, columns.at.y, first + columns.at.y),
    loadInput(channel, y, columns.at.z, first + columns.at.z),
    loadInput(channel, y, columns.at.w, first + columns.at.w),
  );
  return select(vec4f(), values, columns.inside & vec4<bool>(row < sizes.height));
}

// Sums of the three taps of one row of the weight, the four output channels in a vector. Fields, not an array: an index
// that the driver does not resolve would move the sums out of registers.
struct RowSums { left: vec4f, middle: vec4f, right: vec4f }

// Adds the products of one row of input with the gradients g0 and g1 of the strip's two columns.
fn addRow(sums: ptr<function, RowSums>, row: vec4f, g0: vec4f, g1: vec4f) {
  (*sums).left += g0 * row.x + g1 * row.y;
  (*sums).middle += g0 * row.y + g1 * row.z;
  (*sums).right += g0 * row.z + g1 * row.w;
}

fn keepRow(sums: RowSums, firstTap: u32, lane: u32) {
  keep(firstTap, lane, sums.left);
  keep(firstTap + 1u, lane, sums.middle);
  keep(firstTap + 2u, lane, sums.right);
}

// Writes one of the 72 sums.
fn writeSum(index: u32, partial: u32, firstOut: u32, firstIn: u32) {
  let row = index / 4u; // input channel and tap
  let co = firstOut + index % 4u;
  let ci = firstIn + row / 9u;
  if (co < sizes.outChannels && ci < sizes.inChannels) {
    partials[((partial * sizes.outChannels + co) * sizes.inChannels + ci) * 9u + row % 9u] = keptSum(index);
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let share = shareOf(workgroup.x + workgroup.y * workgroups.x, lane);
  let partial = share.index / (sizes.inBlocks * sizes.outBlocks);
  let firstIn = share.index % sizes.inBlocks * 2u;
  let firstOut = share.index / sizes.inBlocks % sizes.outBlocks * 4u;
  let in0 = firstIn;
  let in1 = min(firstIn + 1u, sizes.inChannels - 1u);
  let outs = min(vec4u(firstOut) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.outChannels - 1u));

  var top0: RowSums;
  var center0: RowSums;
  var bottom0: RowSums;
  var top1: RowSums;
  var center1: RowSums;
  var bottom1: RowSums;
  let strips = select(0u, sizes.strips, partial < sizes.partialCount);
  for (var strip = partial * share.step + share.first; strip < strips; strip += sizes.partialCount * share.step) {
    let x = strip % sizes.columnStrips * 2u;
    let rowStrip = strip / sizes.columnStrips;
    let n = rowStrip / sizes.rowStrips;
    let firstRow = rowStrip % sizes.rowStrips * sizes.rows;
    let endRow = min(firstRow + sizes.rows, sizes.height);
    let columns = Columns(
      min(vec4u(max(x, 1u) - 1u, x, x + 1u, x + 2u), vec4u(sizes.width - 1u)),
      vec4<bool>(x > 0u, true, x + 1u < sizes.width, x + 2u < sizes.width),
    );
    let channel0 = prepareInput(n, in0);
    let channel1 = prepareInput(n, in1);
    let gradient0 = prepareGradOutput(n, outs.x);
    let gradient1 = prepareGradOutput(n, outs.y);
    let gradient2 = prepareGradOutput(n, outs.z);
    let gradient3 = prepareGradOutput(n, outs.w);
    var above0 = loadRow(channel0, columns, firstRow - 1u);
    var above1 = loadRow(channel1, columns, firstRow - 1u);
    var middle0 = loadRow(channel0, columns, firstRow);
    var middle1 = loadRow(channel1, columns, firstRow);
    for (var y = firstRow; y < endRow; y++) {
      let below0 = loadRow(channel0, columns, y + 1u);
      let below1 = loadRow(channel1, columns, y + 1u);
      let pixel = y * sizes.width + x;
      let left = vec4f(
        loadGradOutput(gradient0, y, x, pixel),
        loadGradOutput(gradient1, y, x, pixel),
        loadGradOutput(gradient2, y, x, pixel),
        loadGradOutput(gradient3, y, x, pixel),
      );
      let xRight = columns.at.z;
      let pixelRight = y * sizes.width + xRight;
      let right = select(vec4f(), vec4f(
        loadGradOutput(gradient0, y, xRight, pixelRight),
        loadGradOutput(gradient1, y, xRight, pixelRight),
        loadGradOutput(gradient2, y, xRight, pixelRight),
        loadGradOutput(gradient3, y, xRight, pixelRight),
      ), columns.inside.z);
      addRow(&top0, above0, left, right);
      addRow(&center0, middle0, left, right);
      addRow(&bottom0, below0, left, right);
      addRow(&top1, above1, left, right);
      addRow(&center1, middle1, left, right);
      addRow(&bottom1, below1, left, right);
      above0 = middle0;
      above1 = middle1;
      middle0 = below0;
      middle1 = below1;
    }
  }

  // All sums leave the registers before the barrier: lavapipe keeps what lives across one in memory.
  keepRow(top0, 0u, lane);
  keepRow(center0, 3u, lane);
  keepRow(bottom0, 6u, lane);
  keepRow(top1, 9u, lane);
  keepRow(center1, 12u, lane);
  keepRow(bottom1, 15u, lane);
  settle();
  if (partial < sizes.partialCount) {
    for (var sum = share.first; sum < 4u * KEPT; sum += share.step) { writeSum(sum, partial, firstOut, firstIn); }
  }
}
