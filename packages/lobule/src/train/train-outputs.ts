import { dirname, join } from "node:path";
import { readDecathlon, requireApart, requireOutsideVolumes } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { requireNoInput } from "../shared/outputs.js";

/** Paths that `lobule train` writes to and reads from, where they are given. */
export interface TrainPaths {
  readonly out: string | undefined;
  readonly profile: string | undefined;
  readonly cache: string | undefined;
  readonly tuning: string | undefined;
  readonly config: string | undefined;
  readonly data: string | undefined;
  readonly model: string | undefined;
}

/**
 * Refuses to write over what is read: a run or a cache in the data folder's place or among its volumes, a profile in the
 * place of another file.
 * @throws DataError
 */
export async function requireTrainOutputs(paths: TrainPaths): Promise<void> {
  const { out, profile, cache, tuning, config, data, model } = paths;
  if (out !== undefined)
    await requireApart(
      nodeStorage,
      out,
      "--out",
      data === undefined ? undefined : await readDecathlon(nodeStorage, data),
    );
  if (cache !== undefined) await requireApart(nodeStorage, cache, "--cache");
  for (const [option, path] of Object.entries({ "--profile": profile, "--tuning": tuning }))
    if (path !== undefined) await requireOutsideVolumes(nodeStorage, dirname(path), option);
  const given = (what: string, path: string | undefined) => (path === undefined ? [] : [{ what, path }]);
  await requireNoInput(
    Object.entries({ "--profile": profile, "--tuning": tuning }).flatMap(([option, path]) =>
      path === undefined ? [] : [{ option, path }],
    ),
    [
      ...given("config file", config),
      ...given("model file", model),
      ...given("description of the data", data === undefined ? undefined : join(data, "dataset.json")),
    ],
  );
}
