/** Okabe and Ito's colors, told apart with any color vision; a shade for light and one for dark paper. */
const lineColors = [
  ["#0072b2", "#5cb8ee"],
  ["#d55e00", "#ff8f45"],
  ["#009e73", "#35c79c"],
  ["#b0588d", "#e39cc6"],
  ["#a87500", "#f0b93a"],
  ["#555f69", "#b4bdc7"],
] as const;
const dashes = ["none", "7 3", "2 3", "9 3 2 3", "4 2", "4 2.5"] as const;

/** How many line styles there are: each color with three kinds of dashes. */
export const lineStyles = 3 * lineColors.length;

/** The gray style, for what is no class and no run. */
export const grayStyle = lineColors.length - 1;

/** Style number of the n-th class: all but the gray ones. */
export function styleOfClass(n: number): number {
  const colors = lineColors.length - 1;
  return ((n % colors) + lineColors.length * Math.floor(n / colors)) % lineStyles;
}

const colorOf = (style: number): string => `var(--line${style % lineColors.length})`;
const dashOf = (style: number): string | undefined =>
  dashes[((style % lineColors.length) + 2 * Math.floor(style / lineColors.length)) % dashes.length];

const variables = (shade: 0 | 1): string => lineColors.map((colors, i) => `--line${i}:${colors[shade]};`).join("");

/** Headings, notes and the facts at the top. */
const texts = `main{max-width:1160px;margin:0 auto;padding:32px 20px 48px}
h1,h2,h3,p,figure,dl,dd{margin:0}
h1{font-size:1.75rem;line-height:1.2;overflow-wrap:anywhere}
h2{font-size:1.25rem;line-height:1.3;margin:44px 0 4px}
h3{font-size:1rem;line-height:1.3}
header p{color:var(--quiet);margin-top:6px;max-width:85ch}
.note{color:var(--quiet);font-size:.875rem;max-width:85ch;margin:8px 0 14px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin-top:22px}
.facts div{background:var(--card);border-radius:8px;padding:10px 14px}
.facts dt{color:var(--quiet);font-size:.8125rem}
.facts dd{font-size:1.25rem;font-weight:600;font-variant-numeric:tabular-nums;line-height:1.35;overflow-wrap:anywhere}
.facts small{display:block;font-size:.8125rem;font-weight:400;color:var(--quiet)}`;

const tables = `table{border-collapse:collapse;width:100%;font-size:.9375rem}
th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--rule);vertical-align:middle;font-weight:400}
thead th{color:var(--quiet);font-size:.8125rem;vertical-align:bottom}
tr.class th{font-weight:600;padding-top:16px}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.value{font-weight:600}
small{color:var(--quiet);font-size:.8125rem}
.published th,.published td{color:var(--quiet)}
table.measures{max-width:720px;margin-top:18px}
td.plot,th.plot{width:292px;padding:0 0 0 32px}
.plot svg{display:block;width:260px;height:auto;margin-left:auto}`;

const charts = `.grid{stroke:var(--rule);fill:none}
.interval{stroke:var(--line0);stroke-width:1.5;fill:none}
.point{fill:var(--line0)}
.diamond{fill:none;stroke:var(--quiet);stroke-width:1.6}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,330px),1fr));gap:26px 22px;margin-top:14px}
.chart{display:flex;flex-direction:column}
.chart figcaption p{color:var(--quiet);font-size:.875rem;line-height:1.4}
.chart svg{display:block;overflow:visible;width:100%;height:auto;margin-top:auto;padding-top:8px}
svg text{font-family:inherit;fill:var(--ink);font-size:12px}
svg .tick,svg .axis{fill:var(--quiet);font-size:11.5px;font-variant-numeric:tabular-nums}
.frame,.mark{stroke:var(--quiet);fill:none}
.best{stroke:var(--quiet);stroke-dasharray:3 3;fill:none}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.thin{fill:none;stroke-width:1;opacity:.5;stroke-linejoin:round}
.lead{fill:none;opacity:.65}
.zero{stroke:var(--quiet);fill:none}
.case{fill:none;stroke-width:1.3;opacity:.8}
.scrolled{overflow-x:auto}
.scrolled :is(th,td){white-space:nowrap}
.whisker{fill:none;stroke-width:1.4}
.empty{color:var(--quiet);padding:40px 0}
${Array.from(
  { length: lineStyles },
  (_, i) =>
    `.s${i}{stroke:${colorOf(i)};stroke-dasharray:${dashOf(i)}}.lead.s${i},.whisker.s${i}{stroke-dasharray:none}.dot.s${i}{fill:${colorOf(i)};stroke:none}`,
).join("\n")}`;

const pictures = `.slices{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr));gap:20px 18px;margin:10px 0 22px}
.panels{display:grid;grid-template-columns:repeat(3,1fr);gap:2px;background:#000;border-radius:6px;overflow:hidden}
.panels img{display:block;width:100%;height:auto;align-self:center}
.zoom{display:block;position:relative;cursor:zoom-in}
.zoom input{position:absolute;opacity:0;pointer-events:none;margin:0}
.zoom input:focus-visible+*{outline:3px solid var(--line0);outline-offset:2px}
.zoom:has(input:checked){position:fixed;inset:0;z-index:1;overflow:auto;background:#000;cursor:zoom-out}
.chart .zoom{margin-top:auto}
.chart .zoom:has(input:checked){background:var(--paper);margin:0}
.chart .zoom input:checked+svg{box-sizing:border-box;height:100%;min-width:760px;padding:5vmin 2vmin}
.zoom input:checked+.panels{grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));border-radius:0;min-height:100%;align-content:center}
.slices figcaption{font-size:.875rem;line-height:1.4;margin-top:6px;overflow-wrap:anywhere}
.slices figcaption span{display:block;color:var(--quiet);font-variant-numeric:tabular-nums}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(45%,180px),1fr));gap:10px}
.tiles img{display:block;width:100%;height:auto;border-radius:4px;image-rendering:pixelated}
.tiles figcaption{color:var(--quiet);font-size:.8125rem;min-height:1.3em;font-variant-numeric:tabular-nums}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;list-style:none;margin:10px 0 0;padding:0;font-size:.875rem}
.legend li{display:flex;align-items:center;gap:8px}
.swatch{display:block;width:28px;height:28px;border-radius:4px;flex:none}`;

const details = `h3.group{margin-top:22px}
details{border:1px solid var(--rule);border-radius:8px;margin-top:12px;padding:0 16px}
summary{cursor:pointer;padding:11px 0;font-weight:600}
summary small{font-weight:400;margin-left:8px}
details table{margin-bottom:14px;font-size:.875rem}
details th{width:40%;color:var(--quiet);overflow-wrap:anywhere;vertical-align:top}
details td{overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
footer{color:var(--quiet);font-size:.8125rem;margin-top:44px;border-top:1px solid var(--rule);padding-top:12px}`;

/** On small screens columns become lines. */
const narrow = `@media (max-width:900px){td.plot,th.plot{display:none}}
@media (max-width:520px){
main{padding:20px 14px 36px}
.facts{grid-template-columns:1fr 1fr}
.wide{display:none}
.dice thead{display:none}
.dice tbody tr:not(.class){display:grid;grid-template-columns:1fr auto;border-bottom:1px solid var(--rule);padding:5px 0}
.dice tr:not(.class)>*{border:0;padding:0}
.dice tr:not(.class)>:nth-child(3){grid-column:1;grid-row:2;text-align:left;color:var(--quiet);font-size:.875rem}
.dice tr:not(.class)>:nth-child(4){grid-column:2;grid-row:2;color:var(--quiet);font-size:.875rem}
.stacked thead,.stacked td:not([data-label]){display:none}
.stacked tbody tr:not(.class){display:grid;grid-template-columns:1fr 1fr;column-gap:24px;border-bottom:1px solid var(--rule);padding:6px 0}
.stacked tr:not(.class)>*{border:0;padding:0;white-space:normal;overflow-wrap:anywhere}
.stacked tr:not(.class)>:is(th,.whole){grid-column:1/-1}
.stacked td{display:flex;justify-content:space-between;gap:12px;text-align:right}
.stacked td::before{content:attr(data-label);flex:none;color:var(--quiet);font-weight:400;text-align:left}
}`;

const onPaper = (body: string): string => `@media print{
@page{margin:14mm}
${body}{font-size:10.5pt}
main{max-width:none;padding:0}
.charts{grid-template-columns:repeat(2,1fr);gap:16px 24px}
.slices{grid-template-columns:repeat(2,1fr)}
figure,tr,.facts div{break-inside:avoid}
h2,h3,summary{break-after:avoid}
.facts div,.point,.slices img,.swatch{print-color-adjust:exact;-webkit-print-color-adjust:exact}
details{border:0;padding:0}
details::details-content{content-visibility:visible;block-size:auto}
}`;

/** The look of a report, for an element that holds it. @param dark makes a rule of dark colors out of declarations. */
const styleOf = (root: string, body: string, dark: (declarations: string) => string): string => `
${root}{color-scheme:light;--paper:#fff;--card:#f6f7f9;--ink:#191d22;--quiet:#57616c;--rule:#d9dee4;${variables(0)}}
${dark(`color-scheme:dark;--paper:#121518;--card:#1b1f24;--ink:#e9ecef;--quiet:#a3adb8;--rule:#343b43;${variables(1)}`)}
*{box-sizing:border-box}
${body}{display:block;margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif;-webkit-text-size-adjust:100%}
${[texts, tables, charts, pictures, details, narrow, onPaper(body)].join("\n")}
`;

/** The look of a report that is a page: light or dark as the reader's system has it, light on paper. */
export const style = styleOf(
  ":root",
  "body",
  (declarations) => `@media screen and (prefers-color-scheme:dark){:root{${declarations}}}`,
);

/** The look of a report in the shadow of an element, whose attribute data-theme says "light" or "dark". */
export const embeddedStyle = styleOf(":host", ":host", (declarations) => `:host([data-theme="dark"]){${declarations}}`);
