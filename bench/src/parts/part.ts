/** A number that was measured. */
export interface Figure {
  /** What it is of, such as "Lobule", "PyTorch eager TF32" or a kernel: the row of a table. */
  readonly subject: string;
  /** Such as "training step": the column. */
  readonly quantity: string;
  readonly value: number;
  /** Stands behind the number: "ms", "MB", "×"; empty where it counts something. */
  readonly unit: string;
  /** First and last decile of the rounds. */
  readonly spread?: readonly [low: number, high: number];
}

/** What a part's result says. */
export interface Reading {
  readonly figures: readonly Figure[];
  /** What a reader of the figures has to know, a sentence each. */
  readonly notes: readonly string[];
}

/** What was seen of a part from outside. */
export interface Measured {
  /** From the start of its process to its end. */
  readonly seconds: number;
  /** Most resident memory of its process; null where the system does not tell. */
  readonly residentBytes: number | null;
  /** Memory of the graphics card; null where it was not watched or does not tell. */
  readonly card: CardMemory | null;
  /** Of the files in its folder when it was over; null where it has none. */
  readonly folderBytes: number | null;
}

/** Memory of a graphics card that all processes together use. */
export interface CardMemory {
  /** Before the part began. */
  readonly beforeBytes: number;
  /** The most while it ran. */
  readonly mostBytes: number;
}

/** A program that is run in a process of its own. */
export interface PartCommand {
  /** What it is called in results, which say nothing of where it is on this machine. */
  readonly name: string;
  readonly file: string;
  /** Words before those that say what to do, such as the script of an interpreter; results leave them out. */
  readonly start?: readonly string[];
  readonly words: readonly string[];
  /** Besides that of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** One thing that is measured: what is run, how long it may take, and how its figures are read. */
export interface Part {
  /** By which it is chosen, and called in tables. */
  readonly name: string;
  /** What it measures, in a few words. */
  readonly title: string;
  readonly command: PartCommand;
  /** The folder in which it is run, an absolute path. */
  readonly cwd: string;
  /** Seconds. */
  readonly limit: number;
  /** The part whose files it reads: it is not begun where that was not done. */
  readonly needs?: string;
  /** The file in that folder which it leaves; its standard output is read where there is none. */
  readonly file?: string;
  /** A folder in that folder whose files are counted in the end. */
  readonly folder?: string;
  /** Whether memory of the graphics card is watched meanwhile. */
  readonly watchesCard?: boolean;
  /** @throws BenchError, or an error of zod's, where the text is not what it leaves. */
  readonly read: (text: string, measured: Measured) => Reading;
}

export type PartStatus = "done" | "failed" | "timed out" | "interrupted" | "not begun";

/** What became of a part. */
export interface PartResult extends Reading {
  readonly name: string;
  readonly title: string;
  /** In words. */
  readonly command: string;
  readonly status: PartStatus;
  /** Why it is not done; nothing where it is. */
  readonly why: string | undefined;
  /** None where it was not begun. */
  readonly measured: Measured | undefined;
  /** The end of what it printed, where it is not done. */
  readonly lastLines: readonly string[];
}
