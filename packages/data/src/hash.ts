import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** Bytes in hexadecimal, two digits each. */
export const hexOf = (bytes: Uint8Array): string => bytesToHex(bytes);

/** SHA-256 of a text or of some bytes, in hexadecimal. Of a whole file {@link sha256OfFile} is ten times as fast. */
export const sha256Hex = (content: string | Uint8Array): string =>
  bytesToHex(sha256(typeof content === "string" ? utf8ToBytes(content) : content));

/** SHA-256 of the bytes of a file, in hexadecimal: by the runtime's own code. */
export const sha256OfFile = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  bytesToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
