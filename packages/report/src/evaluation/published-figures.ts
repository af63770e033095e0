/** Names of the presets that repeat published work. */
export type PublishedPreset = "liver" | "vessel";

/** A published Dice of one class. Its source does not say in which reading, so it can stand beside none of them. */
export interface PublishedDice {
  readonly label: number;
  readonly name: string;
  readonly dice: number;
}

/** Published Dice of the presets' networks, by preset. */
export const publishedDice: Readonly<Record<PublishedPreset, readonly PublishedDice[]>> = {
  liver: [
    { label: 1, name: "liver", dice: 0.88 },
    { label: 2, name: "tumor", dice: 0.73 },
  ],
  vessel: [
    { label: 1, name: "vessel", dice: 0.83 },
    { label: 2, name: "tumor", dice: 0.66 },
  ],
};
