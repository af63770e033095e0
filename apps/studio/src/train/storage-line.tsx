import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { runList } from "../engine/run-list.js";
import { quickEngine } from "../engine/start-engine.js";
import { reportProblem } from "../parts/notices.js";
import { bytesText } from "../parts/quantities.js";
import type { StorageDescription } from "../worker/describe.js";
import { tasks } from "./train-state.js";

/** How much of the browser's files is used, of how much. */
export function StorageLine() {
  const storage = useSignal<StorageDescription | undefined>(undefined);
  useEffect(() => {
    quickEngine()
      .describeStorage()
      .then((found) => {
        storage.value = found;
      }, reportProblem);
  }, [runList.value, tasks.value]);
  const found = storage.value;
  if (found === undefined) return null;
  return (
    <p class="quiet-text small">
      Data, runs and decoded slices take {bytesText(found.used)} of the {bytesText(found.quota)} that the browser keeps
      for this page.{" "}
      {found.persistent
        ? "It keeps them until you remove them."
        : "It may remove them where the disk is full; download the runs that matter."}
    </p>
  );
}
