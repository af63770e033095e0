import { fitText, wrapText } from "@lobule/data";
import { megabytes, timingHead, timingLine } from "../tables.js";
import { type Ratio, speedRatio, type Timing } from "../timing.js";
import { type VolumeBenchResult, volumeGoal } from "../volume-bench.js";
import type { AbsentPeer, PeerBenchResult } from "./peer-bench.js";
import type { PeerMemory } from "./peer-protocol.js";
import type { PeerGoal } from "./peer-variants.js";

const digits = (ratio: number): string => ratio.toPrecision(ratio < 100 ? 3 : 4);
const times = (ratio: number): string => `${digits(ratio)}×`;

/** A goal, and whether the median reaches it. */
const goalWords = ({ median }: Ratio, goal: number): string => `${goal}× ${median >= goal ? "met" : "not met"}`;

function ratioLine(name: string, ours: Timing, other: Timing | null, goal: number | undefined): string {
  if (other === null) return `  ${fitText(name, 38)} ${"-".padStart(9)}`;
  const ratio = speedRatio(ours, other);
  const spread = ratio.spread.map(digits).join("-");
  const verdict = goal === undefined ? "" : `  ${goalWords(ratio, goal)}`;
  return `  ${fitText(name, 38)} ${times(ratio.median).padStart(9)} ${spread.padStart(13)}${verdict}`;
}

const ratioHead = `${fitText("Lobule's speed, in times that of", 40)} ${"median".padStart(9)} ${"80 % within".padStart(13)}  goal`;

interface MemoryRow {
  readonly name: string;
  readonly memory: PeerMemory;
  readonly goal?: PeerGoal["memory"] | undefined;
}

/** Most memory of each, and ours as a share of it: of what is on the GPU where that is known, else of the process. */
function memoryLines(ours: PeerMemory, rows: readonly MemoryRow[]): string[] {
  const bytes = (value: number | null): string => (value === null ? "-" : megabytes(value)).padStart(9);
  return [
    `${fitText("Most memory", 36)} ${"process".padStart(9)} ${"on device".padStart(9)} ${"our share".padStart(9)}  goal`,
    ...[{ name: "Lobule", memory: ours }, ...rows].map(({ name, memory, goal }: MemoryRow) => {
      const of = goal?.of ?? (memory.peakBytes === null ? "residentBytes" : "peakBytes");
      const [own, other] = [ours[of], memory[of]];
      const line = `  ${fitText(name, 34)} ${bytes(memory.residentBytes)} ${bytes(memory.peakBytes)}`;
      if (memory === ours || own === null || other === null) return line;
      const verdict = goal === undefined ? "" : `  ${goal.share}× ${own <= goal.share * other ? "met" : "not met"}`;
      return `${line} ${times(own / other).padStart(9)}${verdict}`;
    }),
  ];
}

const absentLines = (absent: readonly AbsentPeer[]): string[] =>
  absent.flatMap(({ name, why }) => [`not run: ${name}`, ...wrapText(why, "  ")]);

/** Times of all, speeds beside ours with the goals, memory, and how nearly the same was computed. */
export function peerTable({ ours, peers, absent }: PeerBenchResult): string {
  return [
    timingHead,
    ...[ours, ...peers].flatMap(({ step }) => (step === null ? [] : [timingLine(step)])),
    ...[ours, ...peers].map(({ forward }) => timingLine(forward)),
    "",
    ...(peers.length === 0
      ? []
      : [
          ratioHead,
          "in a training step",
          ...peers.map(({ name, step, goal }) => ratioLine(name, ours.step, step, goal?.speed)),
          "in a forward pass",
          ...peers.map(({ name, forward }) => ratioLine(name, ours.forward, forward, undefined)),
          "",
        ]),
    ...memoryLines(
      ours.memory,
      peers.map(({ name, memory, goal }) => ({ name, memory, goal: goal?.memory })),
    ),
    "",
    ours.description,
    ...peers.flatMap(({ name, description, lossDifference, logitsDifference }) => [
      `${name}: ${description}`,
      `  logits within ${logitsDifference.toExponential(1)} of ours${lossDifference === null ? "; does not train" : `, loss within ${lossDifference.toExponential(1)}`}`,
    ]),
    ...absentLines(absent),
  ].join("\n");
}

/** Times of all for a volume, speeds beside ours with the goal, memory, and how many labels are the same. */
export function volumeTable({ slices, foreground, ours, peers, absent }: VolumeBenchResult): string {
  return [
    timingHead,
    ...[ours, ...peers].flatMap(({ timing }) => [
      timingLine(timing),
      `${"".padEnd(52)} ${((1000 * slices) / timing.milliseconds).toFixed(1).padStart(7)} slices/s`,
    ]),
    "",
    ...(peers.length === 0
      ? []
      : [ratioHead, ...peers.map(({ name, timing }) => ratioLine(name, ours.timing, timing, volumeGoal)), ""]),
    ...memoryLines(ours.memory, peers),
    "",
    `${ours.description}: ${(100 * foreground).toFixed(1)} % of the voxels are not background`,
    ...peers.map(
      ({ name, description, equal }) =>
        `${name}: ${description}\n  labels equal to ours in ${(100 * equal).toFixed(3)} % of the voxels`,
    ),
    ...absentLines(absent),
  ].join("\n");
}
