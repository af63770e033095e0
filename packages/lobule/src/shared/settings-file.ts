import { DataError, parseJsonText, readText } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { type Document, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";

/** A file of settings. */
export interface SettingsFile {
  readonly settings: Readonly<Record<string, unknown>>;
  /** " (line 4)", of the setting at a path or of the group that lacks it. */
  readonly lineOf: (path: readonly PropertyKey[]) => string;
}

/** What a file of settings for training holds, for messages. */
export const runSettings = "settings, such as a run's config.json";
/** What an experiment file holds. */
export const experimentSettings = "an experiment, as docs/experiments.md describes it";

/**
 * Reads settings in YAML, or in JSON where the file's name ends so. `$schema`, by which editors find what may stand in
 * the file, is left out.
 * @param what the file holds, to follow "give a YAML or JSON file with".
 * @throws DataError naming the file, and the place where it is not well formed.
 */
export async function readSettingsFile(path: string, what: string): Promise<SettingsFile> {
  try {
    return parseSettings(await readText(nodeStorage, path, "description"), path);
  } catch (error) {
    throw error instanceof DataError
      ? new DataError(`${error.message}; give a YAML or JSON file with ${what}`, { cause: error })
      : error;
  }
}

/** {@link readSettingsFile} of its text. */
export function parseSettings(text: string, path: string): SettingsFile {
  const lines = new LineCounter();
  requireShallow(text, path);
  const json = /\.json$/i.test(path) ? parseJsonText(text, path) : undefined;
  const document = orDataError(path, () => parseDocument(text, { lineCounter: lines, prettyErrors: false }));
  const [flaw] = json === undefined ? [...document.errors, ...document.warnings] : [];
  if (flaw !== undefined) {
    const { line, col } = lines.linePos(flaw.pos[0]);
    throw new DataError(`${path} is not valid YAML: ${flaw.message} at line ${line}, column ${col}`);
  }
  const value: unknown = json ?? orDataError(path, () => document.toJS());
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DataError(`${path} holds no settings by name`);
  }
  const { $schema: _, ...settings }: Readonly<Record<string, unknown>> = { ...value };
  return {
    settings,
    lineOf: (at) => {
      const offset = offsetOf(document, at);
      return offset === undefined ? "" : ` (line ${lines.linePos(offset).line})`;
    },
  };
}

/** As deep as JSON files may be nested. A process in which the parser of YAML meets much more runs out of memory. */
const deepest = 100;

function requireShallow(text: string, path: string): void {
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth = bracket === "[" || bracket === "{" ? depth + 1 : Math.max(0, depth - 1);
    if (depth > deepest) throw new DataError(`${path}: values are nested more than ${deepest} deep`);
  }
}

/** What the parser of YAML does not take in its own list of errors: nesting too deep, aliases without end. */
function orDataError<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new DataError(`${path} is not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Where the key at the path is written, or the innermost group around it that is. */
function offsetOf({ contents }: Document.Parsed, path: readonly PropertyKey[]): number | undefined {
  let node: unknown = contents;
  let offset: number | undefined;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((each) => isScalar(each.key) && String(each.key.value) === String(key));
      if (pair === undefined || !isScalar(pair.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      offset = isMap(node) || isSeq(node) || isScalar(node) ? (node.range?.[0] ?? offset) : offset;
    } else break;
  }
  return offset;
}
