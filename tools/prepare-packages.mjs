// Makes the packages' folders what they are to be before they are compiled: those that are published with the license,
// and none with compiled files whose source is gone, which would be packed and could still be imported.
import { copyFileSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root, workspaces } from "./release/workspaces.mjs";

for (const { folder, manifest } of workspaces) {
  if (!manifest.private) copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
  const dist = join(folder, "dist");
  if (!existsSync(dist)) continue;
  for (const file of readdirSync(dist, { recursive: true })) {
    const source = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(file)?.[1];
    if (source !== undefined && !existsSync(join(folder, "src", `${source}.ts`))) rmSync(join(dist, file));
  }
}
