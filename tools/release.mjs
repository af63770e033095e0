// Checks all packages as npm would publish them.
//
//   npm run release -- --check      packs them, and checks manifests, contents and the READMEs' examples
//   npm run release -- --dry-run    sets the root's version everywhere, and checks as above and with arethetypeswrong
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { compileExamples } from "./release/examples.mjs";
import { packAll, problemsOf, typeProblems } from "./release/tarballs.mjs";
import { publishedWorkspaces, root, rootManifest, setVersions } from "./release/workspaces.mjs";

const { values } = parseArgs({ options: { check: { type: "boolean" }, "dry-run": { type: "boolean" } } });

/** One line of the table of checks. */
const report = (what, result) => console.log(`${what.padEnd(40)} ${result}`);

/** Packs and checks; a problem ends the process after all were printed. */
async function checkTarballs(folder) {
  const tarballs = await packAll(folder);
  let found = 0;
  for (const tarball of tarballs) {
    const problems = await problemsOf(tarball);
    if (!values.check) problems.push(...(await typeProblems(tarball)));
    found += problems.length;
    report(tarball.name, problems.length === 0 ? `${(tarball.size / 1e3).toFixed(0).padStart(6)} kB packed` : "WRONG");
    for (const problem of problems) console.log(`  ${problem}`);
  }
  if (found > 0) throw new Error(`${found} problem(s) in the packages`);
  return tarballs;
}

const temporary = mkdtempSync(join(tmpdir(), "lobule-release-"));
try {
  report(`Lobule ${rootManifest.version}`, "");
  if (!values.check) for (const path of setVersions()) report(relative(root, path), "has a new version");
  await checkTarballs(temporary);
  const examples = await compileExamples(join(root, "node_modules/.cache/lobule-release"), publishedWorkspaces());
  report("examples of the READMEs", `${examples} compiled`);
} catch (error) {
  console.error(`release: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
