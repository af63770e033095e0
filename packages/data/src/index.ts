/**
 * NIfTI files, Decathlon folders, splits, the slice cache, a synthetic task, and the storage that all of them use.
 *
 * @module @lobule/data
 */

export { BatchReader, type BatchReaderOptions, type ReadBatch } from "./cache/batch-reader.js";
export type { CachedCase, CaseFiles } from "./cache/cache-entry.js";
export { type CaseIdentity, identityOf } from "./cache/case-identity.js";
export { channelsOfFile, type ImageFiles, imagePaths, readChannels } from "./cache/read-channels.js";
export { allocateSliceBatch, type SliceBatch } from "./cache/slice-batch.js";
export { SliceCache, type SliceCacheOptions, type SliceKey } from "./cache/slice-cache.js";
export { type Quantization, type StoredFor, storeSlice, storeSlices, type Window } from "./cache/store-slice.js";
export { channelZScores, ZScoreSums, type ZScores, zScoresOf } from "./cache/z-scores.js";
export { ChannelsError, DataError } from "./data-error.js";
export { nnunetNames } from "./decathlon/nnunet-dataset.js";
export { type DecathlonCase, type DecathlonTask, readDecathlon } from "./decathlon/read-decathlon.js";
export { requireApart, requireOutsideVolumes } from "./decathlon/require-apart.js";
export { type CaseSelection, type SelectOptions, selectCases } from "./decathlon/select-cases.js";
export { type CaseVerification, type VerifyOptions, verifyDecathlon } from "./decathlon/verify-decathlon.js";
export { FileWriteError, tryFolder, writeError, writeFileAtomically } from "./files/atomic-file.js";
export { entryAt, exists } from "./files/entries.js";
export { parseJsonText } from "./files/json.js";
export {
  type FileContent,
  FileReadError,
  maximumBytes,
  notRegular,
  readBytes,
  readError,
  readJson,
  readText,
} from "./files/read-file.js";
export { isSameFile, isWithin, PathSet } from "./files/same-file.js";
export { errorCode, messageOf, reason, systemError } from "./files/system-error.js";
export { axisAngles, describeAngles, voxelVolume } from "./geometry/affine.js";
export { type GridNames, gridDifference, gridEpsilon, onGridOf } from "./geometry/compare-grids.js";
export { hexOf, sha256Hex, sha256OfFile } from "./hash.js";
export { readImage } from "./images/read-image.js";
export { readMetaImage } from "./images/read-metaimage.js";
export { readNrrd } from "./images/read-nrrd.js";
export type { NiftiDatatype, WritableDatatype } from "./nifti/datatypes.js";
export { encodeHeader } from "./nifti/encode-header.js";
export type { NiftiHeader } from "./nifti/header.js";
export {
  createNiftiSliceWriter,
  type NiftiSliceWriter,
  type NiftiSliceWriterOptions,
} from "./nifti/nifti-slice-writer.js";
export { type NiftiSlices, openNiftiSlices } from "./nifti/nifti-slices.js";
export {
  type NiftiVolume,
  type ReadNiftiOptions,
  readNifti,
  readNiftiHeader,
  readNiftiVolumes,
} from "./nifti/read-nifti.js";
export { volumeSlices } from "./nifti/volume-slices.js";
export { type WriteNiftiOptions, writeNifti } from "./nifti/write-nifti.js";
export { canonicalGrid, columnLengths, fromCanonical, orientationOf, toCanonical } from "./orientation.js";
export { Pauses } from "./pauses.js";
export {
  type PhantomCase,
  type PhantomCaseOptions,
  type PhantomTask,
  phantomCase,
  phantomLabels,
} from "./phantom/phantom-case.js";
export { type PhantomOptions, type WrittenPhantom, writePhantom } from "./phantom/write-phantom.js";
export { type RandomKey, randomUint32, shuffled, uniform, uniformStream } from "./random.js";
export { runTask } from "./run-task.js";
export {
  boundsOf,
  boundsText,
  type DescribedSetting,
  describeSettings,
  formsAt,
  formText,
  type NumberBounds,
  type SettingSchema,
  settingSchemaOf,
  wordsOf,
} from "./settings/setting-form.js";
export { settingProblem } from "./settings/setting-problem.js";
export { nearest, suggestion } from "./settings/suggest.js";
export {
  balancedFolds,
  type CaseSplit,
  type Fold,
  type KindOfCase,
  type SplitOptions,
  splitCases,
  splitFold,
} from "./split.js";
export { type StorageCheck, storageChecks } from "./storage/conformance.js";
export { MemoryStorage } from "./storage/memory-storage.js";
export { type Inflation, PackedDataError, type Packer, type Packing } from "./storage/packing.js";
export { baseName, dirName, isAbsolute, joinPath, normalizePath, resolvePath } from "./storage/paths.js";
export { portablePacking } from "./storage/portable-packing.js";
export {
  type Entry,
  type EntryKind,
  type GrowingFile,
  LockError,
  type LockOptions,
  type OpenFile,
  type PathIdentity,
  type Replacement,
  type ReplaceOptions,
  type Storage,
  type StorageLock,
} from "./storage/storage.js";
export { ThreadTeam, type WorkerAnswer, type WorkerRequest, type WorkerThread } from "./storage/worker-team.js";
export { WorkerEnded, type Workers, type WorkerTeam } from "./storage/workers.js";
export { commandText, shellWord } from "./text/command-text.js";
export { plural } from "./text/plural.js";
export { cutText, fitText, textWidth, visibleJson, visibleText } from "./text/visible-text.js";
export { columns, wrapText } from "./text/wrap-text.js";
export {
  type Affine,
  type Channels,
  type Grid,
  mapChannels,
  type PlaneBox,
  type Vector3,
  type Volume,
  type VoxelArray,
} from "./volume.js";
