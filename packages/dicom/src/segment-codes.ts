/** A coded meaning, as DICOM has it. */
export interface Code {
  readonly CodeValue: string;
  readonly CodingSchemeDesignator: "SCT";
  readonly CodeMeaning: string;
}

const sct = (CodeValue: string, CodeMeaning: string): Code => ({
  CodeValue,
  CodingSchemeDesignator: "SCT",
  CodeMeaning,
});

const categories = {
  anatomy: sct("123037004", "Anatomical Structure"),
  change: sct("49755003", "Morphologically Altered Structure"),
  tissue: sct("85756007", "Tissue"),
} as const;

/** What names of classes mean, by words in them. Codes are those of DICOM PS3.16, CID 7150, 7151 and 7159. */
const meanings: readonly (readonly [word: RegExp, category: Code, type: Code])[] = [
  [/tumou?r|cancer|lesion|neoplasm|metasta/i, categories.change, sct("108369006", "Neoplasm")],
  [/cyst/i, categories.change, sct("367643001", "Cyst")],
  [/vessel|vein|artery/i, categories.anatomy, sct("59820001", "Blood vessel")],
  [/liver/i, categories.anatomy, sct("10200004", "Liver")],
  [/spleen/i, categories.anatomy, sct("78961009", "Spleen")],
  [/kidney/i, categories.anatomy, sct("64033007", "Kidney")],
  [/pancreas/i, categories.anatomy, sct("15776009", "Pancreas")],
  [/lung/i, categories.anatomy, sct("39607008", "Lung")],
];

/** Category and type of a class by its name; tissue where the name says nothing that is known. */
export function codesOf(name: string): { readonly category: Code; readonly type: Code } {
  const [, category = categories.tissue, type = categories.tissue] = meanings.find(([word]) => word.test(name)) ?? [];
  return { category, type };
}
