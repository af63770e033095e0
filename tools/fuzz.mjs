// Reads 10,000 changed copies of every kind of file: npm run fuzz -- --inputs N --seed S --reader NAME --only NUMBER.
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = resolve(import.meta.dirname ?? ".", "..");
const outfile = join(root, "node_modules", ".cache", "lobule-fuzz.mjs");
await build({
  entryPoints: [join(root, "tests", "fuzz", "main.ts")],
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  outfile,
  logLevel: "error",
});
await import(pathToFileURL(outfile).href);
