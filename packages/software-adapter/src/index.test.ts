import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { driverManifest, vulkanLoader } from "./index.js";

test("the loader, the manifest and the driver that the manifest names are in the package, with their notices", () => {
  expect(existsSync(vulkanLoader)).toBe(true);
  const manifest: unknown = JSON.parse(readFileSync(driverManifest, "utf8"));
  expect(manifest).toMatchObject({ ICD: { library_path: "./libvk_swiftshader.so" } });
  expect(existsSync(join(dirname(driverManifest), "libvk_swiftshader.so"))).toBe(true);
  const notices = readFileSync(join(dirname(driverManifest), "..", "THIRD-PARTY-NOTICES"), "utf8");
  for (const name of ["SwiftShader", "Subzero", "Vulkan-Loader", "cJSON", "END OF TERMS"])
    expect(notices).toContain(name);
});
