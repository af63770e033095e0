// Depthwise 3×3 convolution, stride 1, zero padding 1: every channel has a 3×3 weight of its own. One invocation computes
// four rows of one column, a workgroup 64 columns of one channel. With `flip` it computes the input gradient: input is
// then the output's gradient.

alias real = f32;

struct Sizes {
  channels: u32,
  height: u32,
  width: u32,
  rowTiles: u32, // ceil(height / 4)
  tiles: u32, // batch * rowTiles * width
  groups: u32, // workgroups of one channel: ceil(tiles / 64)
  flip: u32, // 1 where the weight is turned by 180°
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [n, c, h, w]
@group(0) @binding(2) var<storage, read> weight: array<f32>; // [c, 1, 3, 3]
@group(0) @binding(3) var<storage, read_write> output: array<real>; // [n, c, h, w]

struct InputChannel { base: u32 }
fn prepareInput(n: u32, c: u32) -> InputChannel {
  return InputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn loadInput(channel: InputChannel, y: u32, x: u32, pixel: u32) -> f32 {
  return f32(input[channel.base + pixel]);
}

struct OutputChannel { base: u32 }
fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  return OutputChannel((n * sizes.channels + c) * sizes.height * sizes.width);
}
fn finishOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32 { return f32(real(value)); }
fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  output[channel.base + pixel] = real(value);
}

const LANES: u32 = 64;
const CHANNEL_BLOCK: u32 = 1;
struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
fn addToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}

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

// A row of the weight of channel c, as it meets the image from left to right.
fn weightRow(c: u32, row: u32) -> vec3f {
  let first = 9u * c + 3u * select(row, 2u - row, sizes.flip == 1u);
  let taps = vec3f(weight[first], weight[first + 1u], weight[first + 2u]);
  return select(taps, taps.zyx, sizes.flip == 1u);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = workgroup.x + workgroup.y * workgroups.x;
  let c = index / sizes.groups;
  let group = index % sizes.groups;
  let tile = group * LANES + lane;

  var s: Statistics;
  if (c < sizes.channels && tile < sizes.tiles) {
    let x = tile % sizes.width;
    let y = tile / sizes.width % sizes.rowTiles * 4u;
    let n = tile / sizes.width / sizes.rowTiles;
    let above = weightRow(c, 0u);
    let middle = weightRow(c, 1u);
    let below = weightRow(c, 2u);
    let image = prepareInput(n, c);
    let row0 = loadRow(image, y - 1u, x);
    let row1 = loadRow(image, y, x);
    let row2 = loadRow(image, y + 1u, x);
    let row3 = loadRow(image, y + 2u, x);
    let row4 = loadRow(image, y + 3u, x);
    let row5 = loadRow(image, y + 4u, x);
    let sums = vec4f(
      dot(above, row0) + dot(middle, row1) + dot(below, row2),
      dot(above, row1) + dot(middle, row2) + dot(below, row3),
      dot(above, row2) + dot(middle, row3) + dot(below, row4),
      dot(above, row3) + dot(middle, row4) + dot(below, row5),
    );

    // All four are finished before the first is stored, so that what they load is under way together.
    let channel = prepareOutput(n, c);
    let rows = min(vec4u(y, y + 1u, y + 2u, y + 3u), vec4u(sizes.height - 1u));
    let pixels = rows * sizes.width + x;
    let finished = vec4f(
      finishOutput(channel, sums.x, rows.x, x, pixels.x),
      finishOutput(channel, sums.y, rows.y, x, pixels.y),
      finishOutput(channel, sums.z, rows.z, x, pixels.z),
      finishOutput(channel, sums.w, rows.w, x, pixels.w),
    );
    for (var i = 0u; i < min(4u, sizes.height - y); i++) {
      addToStatistics(&s, channel, finished[i], rows[i], x, pixels[i]);
      storeOutput(channel, finished[i], rows[i], x, pixels[i]);
    }
  }
  keepStatistics(s, 0u, lane);
  if (c < sizes.channels) { writeStatistics(lane, group, c, sizes.channels); }
}
