import { DataError, PathSet } from "@lobule/data";
import { nodeStorage } from "@lobule/node";

/** A file that a command will write. */
export interface Output {
  /** What names it, such as "-o". */
  readonly option: string;
  readonly path: string;
}

/** A file that the same command reads. */
export interface Input {
  /** What it is, such as "scan". */
  readonly what: string;
  readonly path: string;
}

/**
 * Refuses outputs that would replace an input or each other, however they are spelled: by another path, by a link, or in
 * other letters where these do not count. (A link would be replaced itself and what it names would not; nobody means
 * that either.)
 * @throws DataError
 */
export async function requireNoInput(outputs: readonly Output[], inputs: readonly Input[]): Promise<void> {
  const files = new PathSet(nodeStorage);
  const kinds = new Map<string, string>();
  for (const { what, path } of inputs) {
    kinds.set(path, what);
    await files.add(path);
  }
  for (const { option, path } of outputs) {
    const other = await files.add(path);
    if (other === undefined) continue;
    const name = other === path ? "" : ` ${other}`;
    throw new DataError(
      `${path} is the ${kinds.get(other) ?? "other output"}${name} itself; name another output with ${option}`,
    );
  }
}
