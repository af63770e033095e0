import { expect, test } from "vitest";
import { isWhole, withoutHelper } from "./isa-compiler.js";

const failed = (stderr: string): Error => Object.assign(new Error("Command failed: cc …"), { code: 1, stderr });
const absent = /needs a C compiler with Vulkan's headers \(Debian's gcc and libvulkan-dev\)$/;

test.each<[what: string, error: Error, message: RegExp]>([
  ["no compiler", Object.assign(new Error("spawn cc ENOENT"), { code: "ENOENT" }), absent],
  ["no headers", failed("radv-isa.c:12:10: fatal error: vulkan/vulkan.h: No such file or directory"), absent],
  ["no loader", failed("/usr/bin/ld: cannot find -lvulkan\ncollect2: error: ld returned 1 exit status"), absent],
  [
    "a full disk",
    failed("/usr/bin/ld: final link failed: No space left on device\ncollect2: error: ld returned 1 exit status"),
    /^the C compiler cannot make the helper of bench isa: .*ld: final link failed: No space left on device$/,
  ],
])("why there is no helper: %s", (_, error, message) => {
  expect(withoutHelper(error).message).toMatch(message);
});

test("SPIR-V that a full disk has cut off is told", () => {
  const words = Uint32Array.of(0x07230203, 0x00010300, 0, 1, 0, 0x000100fd, 0x00010038); // OpReturn, OpFunctionEnd
  const spirv = Buffer.from(words.buffer);
  expect(isWhole(spirv)).toBe(true);
  for (const length of [0, 20, 24, 27]) expect(isWhole(spirv.subarray(0, length)), `${length} bytes`).toBe(false);
});
