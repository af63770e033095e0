import { z } from "zod";
import { DataError } from "../data-error.js";
import type { Storage } from "../storage/storage.js";
import { CacheWriteError, decodeCase } from "./decode-case.js";

/** The name of the task that decodes a case. */
export const decodeTask = "decode a case";

const decodeRequest = z.strictObject({
  files: z.strictObject({
    name: z.string(),
    image: z.string(),
    otherChannels: z.array(z.string()).exactOptional(),
    label: z.string(),
  }),
  classes: z.int(),
  channels: z.int().exactOptional(),
  fingerprint: z.string(),
  path: z.string(),
  compare: z.boolean().exactOptional(),
});

/** What a worker answers to a request: nothing is wrong (was an entry written?), the case is, or the cache cannot be written. */
export const decodeAnswer = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("done"), written: z.boolean() }),
  z.strictObject({ kind: z.enum(["case", "cache"]), message: z.string() }),
]);

export type DecodeAnswer = z.output<typeof decodeAnswer>;

/** Decodes a case; what is wrong with it is the answer. @throws every other error. */
export async function answerDecode(storage: Storage, request: unknown): Promise<DecodeAnswer> {
  try {
    return { kind: "done", written: await decodeCase(storage, decodeRequest.parse(request)) };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { kind: error instanceof CacheWriteError ? "cache" : "case", message: error.message };
  }
}
