import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { sha256Hex, sha256OfFile } from "./hash.js";

describe("SHA-256", () => {
  it("is that of Node, of texts and bytes", async () => {
    for (const text of ["", "abc", "Größe 𝄞", "x".repeat(100_000)]) {
      const bytes = new TextEncoder().encode(text);
      const expected = createHash("sha256").update(bytes).digest("hex");
      expect([sha256Hex(text), sha256Hex(bytes), await sha256OfFile(bytes)]).toEqual(Array(3).fill(expected));
    }
  });
});
