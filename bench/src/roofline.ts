import type { KernelTiming } from "./kernel-bench.js";
import type { Roof } from "./roof.js";

const [width, height] = [760, 460];
/** Kernels that get a name in the picture, those that take most time; the others have one as a tooltip. */
const labeled = 6;
const frame = { left: 64, right: 20, top: 44, bottom: 52 };

const escaped = (text: string): string => text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);

/** A number of two digits with a unit of powers of 1000. */
const short = (value: number): string => (value >= 1 ? String(Number(value.toPrecision(2))) : value.toPrecision(1));

interface Point extends KernelTiming {
  /** FLOP a byte. */
  readonly intensity: number;
  /** GFLOP/s. */
  readonly rate: number;
}

/** Both axes: the decades that they show, and where a value is. */
interface Axes {
  readonly intensities: readonly [from: number, to: number];
  readonly rates: readonly [from: number, to: number];
  x(intensity: number): number;
  y(rate: number): number;
}

/**
 * A roofline: each kernel by its arithmetic intensity (FLOP a byte) and the rate it reached, below what the adapter's
 * memory and arithmetic allow. Both axes are logarithmic; a dot's area is the kernel's share of the time.
 * Source: Williams, Waterman and Patterson 2009.
 */
export function rooflineSvg(kernels: readonly KernelTiming[], roof: Roof, title: string): string {
  const points = kernels
    .filter(({ flops, bytes }) => flops > 0 && bytes > 0)
    .map((kernel) => ({
      ...kernel,
      intensity: kernel.flops / kernel.bytes,
      rate: kernel.flops / kernel.milliseconds / 1e6,
    }))
    .sort((a, b) => b.share - a.share);
  const [peak, bandwidth] = [roof.flopsPerSecond / 1e9, roof.bytesPerSecond / 1e9];
  const ridge = peak / bandwidth;
  const axes = axesOf(points, ridge, peak);
  const { x, y, intensities, rates } = axes;
  // The sloping roof from where it enters the frame.
  const enter = Math.max(10 ** intensities[0], 10 ** rates[0] / bandwidth);
  const roofLine = `<path class="roof" d="M${at(x(enter))} ${at(y(enter * bandwidth))}L${at(x(ridge))} ${at(y(peak))}H${width - frame.right}"/>`;
  const dots = points.map(
    ({ name, intensity, rate, share }) =>
      `<circle class="dot" cx="${at(x(intensity))}" cy="${at(y(rate))}" r="${at(3 + 22 * Math.sqrt(share))}"><title>${escaped(name)}: ${short(rate)} GFLOP/s, ${short(intensity)} FLOP/byte, ${(100 * share).toFixed(1)} % of the time</title></circle>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12">
<title>${escaped(title)}</title>
<style>.grid{stroke:#ddd}.tick{fill:#555}.roof{stroke:#b3541e;stroke-width:2;fill:none}.dot{fill:#2a6fb0;fill-opacity:.55;stroke:#1d4f80}.name{fill:#222;stroke:#fff;stroke-width:3;paint-order:stroke}.axis{fill:#222}</style>
<rect width="100%" height="100%" fill="#fff"/>
<text class="axis" x="${frame.left}" y="22" font-size="14" font-weight="600">${escaped(title)}</text>
${gridLines(axes).join("\n")}
${roofLine}
<text class="axis" x="${width - frame.right}" y="${at(y(peak) - 8)}" text-anchor="end" fill="#b3541e">${short(peak)} GFLOP/s; ${short(bandwidth)} GB/s</text>
${dots.join("\n")}
${labels(points.slice(0, labeled), axes).join("\n")}
<text class="axis" x="${(frame.left + width - frame.right) / 2}" y="${height - 12}" text-anchor="middle">arithmetic intensity, FLOP per byte</text>
<text class="axis" transform="translate(16 ${(frame.top + height - frame.bottom) / 2}) rotate(-90)" text-anchor="middle">GFLOP/s</text>
</svg>
`;
}

const at = (value: number): string => value.toFixed(1);

/** Axes on which all kernels are, the whole flat roof from the ridge on for a decade, and the peak. */
function axesOf(points: readonly Point[], ridge: number, peak: number): Axes {
  const decades = (values: readonly number[]): [from: number, to: number] => [
    Math.floor(Math.log10(Math.min(...values))),
    Math.ceil(Math.log10(Math.max(...values))),
  ];
  const intensities = decades([...points.map(({ intensity }) => intensity), ridge, 10 * ridge]);
  const rates = decades([...points.map(({ rate }) => rate), peak]);
  const along = (value: number, [from, to]: readonly [number, number]): number =>
    (Math.log10(value) - from) / (to - from);
  return {
    intensities,
    rates,
    x: (intensity) => frame.left + along(intensity, intensities) * (width - frame.left - frame.right),
    y: (rate) => height - frame.bottom - along(rate, rates) * (height - frame.top - frame.bottom),
  };
}

/** A line for each power of ten, with its number. */
function gridLines({ intensities, rates, x, y }: Axes): string[] {
  const powers = ([from, to]: readonly [number, number]): number[] =>
    Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  return [
    ...powers(intensities).map(
      (value) =>
        `<path class="grid" d="M${at(x(value))} ${frame.top}V${height - frame.bottom}"/><text class="tick" x="${at(x(value))}" y="${height - frame.bottom + 18}" text-anchor="middle">${short(value)}</text>`,
    ),
    ...powers(rates).map(
      (value) =>
        `<path class="grid" d="M${frame.left} ${at(y(value))}H${width - frame.right}"/><text class="tick" x="${frame.left - 8}" y="${at(y(value) + 4)}" text-anchor="end">${short(value)}</text>`,
    ),
  ];
}

/** Names beside their dots: on the left where the right has no room, and lower until they are clear of those before them. */
function labels(points: readonly Point[], { x, y }: Axes): string[] {
  const taken: { left: number; right: number; y: number }[] = [];
  return points.map(({ name, intensity, rate, share }) => {
    const gap = 6 + 22 * Math.sqrt(share);
    const textWidth = 6.6 * name.length;
    const flips = x(intensity) + gap + textWidth > width - frame.right;
    const left = flips ? x(intensity) - gap - textWidth : x(intensity) + gap;
    const box = { left, right: left + textWidth, y: y(rate) + 4 };
    const meets = (other: typeof box): boolean =>
      other.left < box.right && other.right > box.left && Math.abs(other.y - box.y) < 13;
    while (taken.some(meets)) box.y += 3;
    taken.push(box);
    return `<text class="name" x="${at(left)}" y="${at(box.y)}">${escaped(name)}</text>`;
  });
}
