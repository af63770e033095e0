import { readFileSync } from "node:fs";

/** The program's version: that of the package.json a folder above this file, here and in the bundle. */
export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "";
}
