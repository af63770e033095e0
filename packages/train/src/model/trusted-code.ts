import { sha256Hex } from "@lobule/data";
import type { ModelCode } from "./model-description.js";
import { ModelError } from "./model-error.js";

/**
 * Remembers model code that this user chose to run, by its SHA-256 in hexadecimal: in Node `codeMemory` of @lobule/node
 * does so.
 */
export interface CodeMemory {
  isRemembered(hash: string): Promise<boolean>;
  /** It never throws: the training that calls it has more to lose, and code can be trusted by name later. */
  remember(hash: string): Promise<void>;
}

/** Whether a model's own code may run. */
export interface CodeTrust {
  /** Runs it wherever it comes from. By default a training of this user must have made it, as far as that is remembered. */
  readonly trustCode?: boolean;
  /** What knows the code of this user's trainings; without it none is known. */
  readonly codeMemory?: CodeMemory;
}

/** SHA-256 of a model's code, in hexadecimal. */
export const codeHash = (text: string): string => sha256Hex(text);

/**
 * Refuses the code of a model that nobody vouches for.
 * @throws ModelError naming the file and its hash when the code was not made here and is not trusted.
 */
export async function requireTrusted(
  { text, source }: ModelCode,
  { trustCode = false, codeMemory }: CodeTrust,
): Promise<void> {
  const hash = codeHash(text);
  if (trustCode || (await codeMemory?.isRemembered(hash)) === true) return;
  throw new ModelError(
    `${source}: using this model runs its code (SHA-256 ${hash}), and no training of yours on this machine made it; read it, and if you trust it add --trust-code (in a program trustCode: true)`,
  );
}
