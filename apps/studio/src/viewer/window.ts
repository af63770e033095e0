/** A range of HU that is told apart on the screen. */
export interface WindowPreset {
  readonly name: string;
  /** HU in the middle, and how many are told apart. */
  readonly level: number;
  readonly width: number;
}

/** Common windows of the abdomen; the first two are those of the training recipes. */
export const windowPresets: readonly WindowPreset[] = [
  { name: "Liver", level: 40, width: 400 },
  { name: "Vessel", level: 100, width: 400 },
  { name: "Lung", level: -600, width: 1500 },
  { name: "Bone", level: 400, width: 1800 },
];

/** The HU that become black and white. */
export const rangeOf = ({ level, width }: Pick<WindowPreset, "level" | "width">): readonly [number, number] => [
  level - width / 2,
  level + width / 2,
];
