import { posix } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { baseName, dirName, isAbsolute, joinPath, normalizePath, resolvePath } from "./paths.js";

const name = fc.constantFrom("", ".", "..", "...", "a", "b.nii.gz", "é", "a b");
const path = fc
  .tuple(fc.boolean(), fc.array(name, { maxLength: 6 }), fc.boolean())
  .map(([absolute, names, open]) => `${absolute ? "/" : ""}${names.join("/")}${open ? "/" : ""}`);

describe("paths", () => {
  it("are those of POSIX", () => {
    fc.assert(
      fc.property(path, path, (a, b) => {
        expect(normalizePath(a)).toBe(posix.normalize(a));
        expect(joinPath(a, b)).toBe(posix.join(a, b));
        expect(isAbsolute(a)).toBe(posix.isAbsolute(a));
        expect(resolvePath("/home/me", a, b)).toBe(posix.resolve("/home/me", a, b));
        const whole = normalizePath(a);
        expect(dirName(whole)).toBe(posix.dirname(whole));
        expect(baseName(whole)).toBe(posix.basename(whole));
      }),
      { numRuns: 2000 },
    );
  });

  it("may begin with a drive", () => {
    expect(isAbsolute("C:/data")).toBe(true);
    expect(resolvePath("C:/data", "../other")).toBe("C:/other");
    expect(resolvePath("C:/data", "../..")).toBe("C:/");
    expect(resolvePath("C:/data", "D:/x")).toBe("D:/x");
    expect(dirName("C:/data")).toBe("C:/");
  });
});
