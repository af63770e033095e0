import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mutated, Random } from "./mutations.js";
import { makeReaders, readInput } from "./readers.js";
import { problemOf } from "./verdict.js";
import type { Input } from "./watched.js";

export interface CampaignOptions {
  /** Of each reader. */
  readonly inputs: number;
  readonly seed: number;
  /** Its name; all where it is not given. */
  readonly reader?: string;
  /** The number of the one input to read, from 0; all where it is not given. */
  readonly only?: number;
  /** Begins with this input, and leaves out the readers before. */
  readonly from?: Input;
  /** Where the readers' files are, for the time being; the system's folder for such by default. */
  readonly folder?: string;
  /** Before an input is read. */
  readonly onInput?: (input: Input) => void;
  readonly onFinding?: (finding: Finding) => void;
  /** Where inputs that were ended badly are kept. */
  readonly failures?: string;
  readonly onReader?: (name: string, inputs: number, read: number) => void;
}

export interface Finding {
  readonly reader: string;
  readonly problem: string;
  /** The command that reads this input again. */
  readonly again: string;
}

/** Findings that are kept of a reader; what is wrong with it is mostly one thing. */
const keptOfReader = 10;

/** Reads changed copies of every reader's sound file: each gives a value or one of our errors, in time. */
export async function campaign(options: CampaignOptions): Promise<readonly Finding[]> {
  const { inputs, seed, only, failures, from, folder = tmpdir(), onReader } = options;
  const root = await mkdtemp(join(folder, "lobule-fuzz-"));
  const findings: Finding[] = [];
  try {
    const all = await makeReaders(root);
    const readers = all
      .slice(
        Math.max(
          0,
          all.findIndex(({ name }) => name === from?.reader),
        ),
      )
      .filter(({ name }) => options.reader === undefined || name === options.reader);
    if (readers.length === 0) throw new Error(`there is no reader '${options.reader}'`);
    for (const reader of readers) {
      let [found, whole] = [0, 0];
      await readInput(reader, reader.sound);
      for (
        let number = from?.reader === reader.name ? from.number : (only ?? 0);
        number < (only === undefined ? inputs : only + 1) && found < keptOfReader;
        number++
      ) {
        const input = mutated(reader.sound, new Random(hash(`${seed} ${reader.name} ${number}`)));
        options.onInput?.({ reader: reader.name, number });
        let read = false;
        const problem = await problemOf(async () => {
          await readInput(reader, input);
          read = true;
        }, [reader.folder, reader.file.replace(/^.*\//, "")]);
        if (read) whole++;
        if (problem === undefined) continue;
        found++;
        const finding = { reader: reader.name, problem, again: againCommand(seed, { reader: reader.name, number }) };
        findings.push(finding);
        options.onFinding?.(finding);
        if (failures === undefined) continue;
        await mkdir(failures, { recursive: true });
        await writeFile(join(failures, `${reader.name}-${seed}-${number}`), input);
      }
      onReader?.(reader.name, only === undefined ? inputs : 1, whole);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  return findings;
}

/** Reads one input again. */
export const againCommand = (seed: number, { reader, number }: Input): string =>
  `npm run fuzz -- --seed ${seed} --reader ${reader} --only ${number}`;

const hash = (text: string): number => createHash("sha256").update(text).digest().readUInt32LE(0);
