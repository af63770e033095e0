import {
  createNiftiSliceWriter,
  fromCanonical,
  type Grid,
  type NiftiHeader,
  type NiftiSliceWriter,
  type Storage,
  writeNifti,
} from "@lobule/data";
import { fromCanonicalPlane, type PlaneOrientation } from "./plane-orientation.js";

/**
 * Maps of how unsure a model is of a pixel. entropy: of the mean probabilities p, −Σ p ln p, in nats, from 0 to ln of the
 * number of classes. disagreement: what of it is left when the mean entropy of the single models is taken away, 0 where all
 * say the same; only of several models.
 *
 * Source: Depeweg et al. 2018, "Decomposition of Uncertainty in Bayesian Deep Learning for Efficient and Risk-sensitive
 * Learning": total uncertainty, and its part that is due to the model.
 */
export const uncertaintyMaps = ["entropy", "disagreement"] as const;
export type UncertaintyMap = (typeof uncertaintyMaps)[number];

/** Maps of one slice, canonical order, x fastest. */
export type SliceMaps = Readonly<Partial<Record<UncertaintyMap, Float32Array>>>;

/** Paths of the NIfTI files that maps are written to. */
export type MapPaths = Readonly<Partial<Record<UncertaintyMap, string>>>;

/** Takes the maps of a scan, slice by slice from the lowest, and writes them as float32 on the scan's own grid. */
export interface UncertaintyFiles {
  take(maps: SliceMaps): Promise<void>;
  /** Gives the files their names. @throws DataError when they cannot be written. */
  finish(): Promise<void>;
  /** Removes what was written. */
  abort(): Promise<void>;
}

const gridOf = ({ shape, spacing, affine }: Grid): Grid => ({ shape, spacing, affine });

const wanted = (paths: MapPaths): [UncertaintyMap, string][] =>
  uncertaintyMaps.flatMap((name): [UncertaintyMap, string][] => {
    const path = paths[name];
    return path === undefined ? [] : [[name, path]];
  });

/** @throws RangeError when the predictor did not make such a map. */
function mapOf(maps: SliceMaps, name: UncertaintyMap): Float32Array {
  const map = maps[name];
  if (map === undefined)
    throw new RangeError(
      `the predictor makes no map of the ${name}; ask for uncertainty when it is made, and give several models for disagreement`,
    );
  return map;
}

/**
 * For scans whose slices are stored one after another: only one of them is in memory.
 * @param plane how their slices lie in canonical order.
 */
export function streamedUncertainty(
  storage: Storage,
  paths: MapPaths,
  header: NiftiHeader,
  plane: PlaneOrientation,
): UncertaintyFiles {
  const options = { grid: gridOf(header), datatype: "float32", header } as const;
  const writers = wanted(paths).map(([name, path]): [UncertaintyMap, NiftiSliceWriter] => [
    name,
    createNiftiSliceWriter(storage, path, options),
  ]);
  const [width, height] = header.shape;
  const each = async (work: (writer: NiftiSliceWriter, name: UncertaintyMap) => Promise<void>): Promise<void> => {
    for (const [name, writer] of writers) await work(writer, name);
  };
  return {
    take: (maps) => each((writer, name) => writer.write(fromCanonicalPlane(mapOf(maps, name), [width, height], plane))),
    finish: () => each((writer) => writer.finish()),
    abort: () => each((writer) => writer.abort()),
  };
}

/**
 * For scans whose slices are not axial: the maps of all slices are in memory.
 * @param canonical the grid of what is taken, of the same scan as `original`, on whose grid the files are.
 */
export function wholeUncertainty(
  storage: Storage,
  paths: MapPaths,
  canonical: Grid,
  original: Grid & { readonly header: NiftiHeader },
): UncertaintyFiles {
  const voxels = canonical.shape.reduce((product, extent) => product * extent, 1);
  const all = wanted(paths).map(([name, path]) => ({ name, path, data: new Float32Array(voxels) }));
  let at = 0;
  return {
    take: async (maps) => {
      let size = 0;
      for (const { name, data } of all) {
        const map = mapOf(maps, name);
        data.set(map, at);
        size = map.length;
      }
      at += size;
    },
    finish: async () => {
      for (const { path, data } of all) {
        const volume = fromCanonical({ ...gridOf(canonical), data }, original);
        await writeNifti(storage, path, volume, { header: original.header });
      }
    },
    abort: async () => undefined,
  };
}
