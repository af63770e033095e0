import { expect, test } from "vitest";
import { unusedGpuNote } from "./open-device.js";

const passedOver = [{ kind: "gpu", why: "its drivers show none" }] as const;

test("a GPU that is there and not used is named, with the reason", () => {
  expect(unusedGpuNote({ kind: "lavapipe", passedOver }, ["/dev/nvidia0", "/dev/nvidia1"])).toBe(
    "note: this machine has a GPU (/dev/nvidia0), but lavapipe is used: its drivers show none",
  );
});

test("nothing is said without a GPU, on one, or where another adapter was asked for", () => {
  expect(unusedGpuNote({ kind: "lavapipe", passedOver }, [])).toBeUndefined();
  expect(unusedGpuNote({ kind: "gpu", passedOver: [] }, ["/dev/nvidia0"])).toBeUndefined();
  expect(unusedGpuNote({ kind: "lavapipe", passedOver: [] }, ["/dev/nvidia0"])).toBeUndefined();
});
