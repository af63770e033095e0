import type { Timing } from "../timing.js";
import type { PeerBenchResult } from "./peer-bench.js";

const width = 760;
const frame = { left: 230, right: 90, top: 48, bottom: 12 };
const [bar, gap] = [18, 8];

const escaped = (text: string): string => text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);

const inWords = (milliseconds: number): string =>
  milliseconds >= 1000 ? `${(milliseconds / 1000).toPrecision(3)} s` : `${milliseconds.toPrecision(3)} ms`;

/** A step of about a third of a length: 1, 2 or 5 times a power of ten. */
function tickOf(length: number): number {
  const power = 10 ** Math.floor(Math.log10(length / 3));
  return power * ([1, 2, 5].findLast((factor) => factor * power <= length / 3) ?? 1);
}

/** Training steps side by side: a bar's length is the median; a line shows where 80 % lie. */
export function peerChartSvg({ ours, peers }: PeerBenchResult, title: string): string {
  const rows: readonly { readonly name: string; readonly step: Timing; readonly own: boolean }[] = [
    { name: "Lobule", step: ours.step, own: true },
    ...peers.flatMap(({ name, step }) => (step === null ? [] : [{ name, step, own: false }])),
  ];
  const sorted = [...rows].sort((a, b) => a.step.milliseconds - b.step.milliseconds);
  const most = Math.max(...rows.flatMap(({ step }) => [step.milliseconds, ...step.spread]));
  const x = (milliseconds: number): number => frame.left + (milliseconds / most) * (width - frame.left - frame.right);
  const tick = tickOf(most);
  const height = frame.top + sorted.length * (bar + gap) + frame.bottom;
  const grid = Array.from({ length: Math.floor(most / tick) + 1 }, (_, i) => {
    const at = x(i * tick).toFixed(1);
    const label = tick >= 1000 ? `${(i * tick) / 1000} s` : `${i * tick} ms`;
    return `<path class="grid" d="M${at} ${frame.top - 6}V${height - frame.bottom}"/><text class="tick" x="${at}" y="${frame.top - 12}" text-anchor="middle">${label}</text>`;
  });
  const bars = sorted.map(({ name, step, own }, i) => {
    const y = frame.top + i * (bar + gap);
    const middle = y + bar / 2;
    const [low, high] = step.spread.map((value) => x(value).toFixed(1));
    return [
      `<text class="name" x="${frame.left - 8}" y="${middle + 4}" text-anchor="end">${escaped(name)}</text>`,
      `<rect class="${own ? "own" : "peer"}" x="${frame.left}" y="${y}" width="${(x(step.milliseconds) - frame.left).toFixed(1)}" height="${bar}"/>`,
      `<path class="spread" d="M${low} ${middle}H${high}"/>`,
      `<text class="name" x="${(Math.max(x(step.milliseconds), Number(high)) + 6).toFixed(1)}" y="${middle + 4}">${inWords(step.milliseconds)}</text>`,
    ].join("");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12">
<title>${escaped(title)}</title>
<style>.grid{stroke:#ddd}.tick{fill:#555}.name{fill:#222}.own{fill:#b3541e}.peer{fill:#2a6fb0;fill-opacity:.7}.spread{stroke:#222;stroke-width:1.5}</style>
<rect width="100%" height="100%" fill="#fff"/>
<text class="name" x="8" y="20" font-size="14" font-weight="600">${escaped(title)}</text>
${grid.join("\n")}
${bars.join("\n")}
</svg>
`;
}
