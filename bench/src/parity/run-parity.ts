import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Device, DeviceError } from "@lobule/tensor";
import { type Check, failure } from "./check.js";
import { FixtureError, isFile, isFolder, readJsonObject, TensorFile } from "./fixture-files.js";
import { checkMetrics, checkSchedulers } from "./host-fixtures.js";
import type { Mode } from "./mode.js";
import { checkNetwork, unused } from "./network-fixture.js";
import { checkOperationCase, fixtureOf, type OperationCase, readOperationCases } from "./operation-fixtures.js";
import { checkTrainingFolder } from "./training-fixture.js";
export interface ParityOptions {
  /** Only fixtures whose path contains this text. */
  readonly filter?: string;
  /** Whether programs are compiled with fusion; true by default. */
  readonly fusion?: boolean;
  /** In which activations are stored; f32 by default. f16 has wider limits. */
  readonly precision?: Mode["precision"];
  /** Told of each part as it begins. */
  readonly onPart?: (part: string) => void;
}

interface Part {
  readonly name: string;
  readonly run: () => Promise<Check[]> | Check[];
}

/**
 * Runs every fixture of a folder: `ops/`, each `net_*` and `train_*`, `schedulers.json` and `metrics.json`. A broken
 * file fails its own part; the others still run.
 * @throws FixtureError when the folder is missing or nothing in it is to run.
 */
export async function runParity(device: Device, folder: string, options: ParityOptions = {}): Promise<Check[]> {
  const { filter = "", fusion = true, precision = "f32", onPart } = options;
  const mode: Mode = { fusion, precision };
  if (!isFolder(folder)) throw new FixtureError(`there is no folder '${folder}'`);
  const folders = readdirSync(folder)
    .filter((name) => /^(net|train)_/.test(name) && isFolder(join(folder, name)))
    .sort();
  const parts: Part[] = [
    { name: "ops", run: () => checkOperations(device, join(folder, "ops"), filter, mode) },
    ...folders.map((name) => ({
      name,
      run: () => (name.startsWith("net_") ? checkNetwork : checkTrainingFolder)(device, join(folder, name), name, mode),
    })),
    { name: "schedulers", run: async () => checkSchedulers(await readJsonObject(join(folder, "schedulers.json"))) },
    { name: "metrics", run: async () => checkMetrics(await readJsonObject(join(folder, "metrics.json"))) },
  ];
  const present = [join("ops", "index.json"), "schedulers.json", "metrics.json"].filter((name) =>
    isFile(join(folder, name)),
  );
  if (folders.length + present.length === 0) {
    throw new FixtureError(
      `'${folder}' holds no fixtures: no ops/index.json, net_*, train_*, schedulers.json or metrics.json`,
    );
  }
  // Which operations the filter means is known once their index is read.
  const wanted = parts.filter(
    ({ name }) =>
      name.includes(filter) ||
      filter.startsWith(`${name}/`) ||
      (name === "ops" && present.includes(join("ops", "index.json"))),
  );
  const checks: Check[] = [];
  for (const { name, run } of wanted) {
    onPart?.(name);
    checks.push(...(await guarded(name, run)));
  }
  if (checks.length === 0) throw new FixtureError(`no fixture's path contains '${filter}'`);
  return checks;
}

/** A broken file, or shapes that do not fit together, become a failed check of their part; a lost device ends the run. */
async function guarded(name: string, run: Part["run"]): Promise<Check[]> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof DeviceError || !(error instanceof Error)) throw error;
    return [failure(name, "–", error.message)];
  }
}

async function checkOperations(device: Device, folder: string, filter: string, mode: Mode): Promise<Check[]> {
  const all = await readOperationCases(folder);
  const wanted = (each: OperationCase): boolean => "ops".includes(filter) || fixtureOf(each).includes(filter);
  const checks: Check[] = [];
  for (const name of new Set(all.map(({ file }) => file))) {
    const cases = all.filter((each) => each.file === name);
    const chosen = cases.filter(wanted);
    if (chosen.length === 0) continue;
    const at = `ops/${name}`;
    checks.push(
      ...(await guarded(at, async () => {
        const file = await TensorFile.read(join(folder, name));
        const found: Check[] = [];
        for (const each of chosen)
          found.push(...(await guarded(fixtureOf(each), () => checkOperationCase(device, each, file, mode))));
        // A case that could not be run leaves its tensors unused.
        const complete = chosen.length === cases.length && found.every(({ problem }) => problem === undefined);
        return complete ? [...found, ...unused(at, file)] : found;
      })),
    );
  }
  if ("ops".includes(filter)) {
    const known = new Set(all.map(({ file }) => file));
    for (const name of readdirSync(folder).filter((each) => each.endsWith(".safetensors") && !known.has(each))) {
      checks.push(failure(`ops/${name}`, "–", "ops/index.json does not name this file"));
    }
  }
  return checks;
}
