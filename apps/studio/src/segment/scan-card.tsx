import { FileDrop } from "../parts/file-drop.js";
import { current, openExample, openFiles, openScan, scan, scans, work } from "./segment-state.js";
import { TaskScans } from "./task-scans.js";

/** Shows the open scan where the list is longer than its frame. */
const scrollIntoList = (button: HTMLButtonElement | null): void => {
  const list = button?.closest("ul");
  if (button === null || list == null) return;
  const top = button.offsetTop - list.offsetTop;
  const shown = Math.min(list.scrollTop, top);
  list.scrollTop = Math.max(shown, top + button.offsetHeight - list.clientHeight);
};

/** Which scans there are, and what the file of the open one says. */
export function ScanCard() {
  const opened = scan.value;
  if (opened === undefined) return null;
  const { shape, spacing, orientation, datatype } = opened.stored;
  const busy = work.value !== undefined;
  return (
    <section class="card">
      <h2>Scan</h2>
      <ul class="scans">
        {scans.value.map((file) => (
          <li key={file.path}>
            <button
              type="button"
              aria-pressed={file.path === current.value?.path}
              ref={file.path === current.value?.path ? scrollIntoList : null}
              disabled={busy}
              onClick={() => void openScan(file)}
            >
              {file.name}
            </button>
          </li>
        ))}
      </ul>
      <p class="quiet-text small">
        {shape.join(" × ")} voxels of {spacing.map((length) => Number(length.toPrecision(3))).join(" × ")} mm, stored as{" "}
        {orientation}, {datatype}
      </p>
      {opened.notes.map((text) => (
        <p key={text} class="small">
          {text}
        </p>
      ))}
      <details>
        <summary>Open another scan</summary>
        <div class="inner">
          <FileDrop accept=".nii,.gz,.hdr,.img" onFiles={(files) => void openFiles(files)}>
            <strong>Drop or choose scans</strong>
            <span>.nii or .nii.gz</span>
          </FileDrop>
          <FileDrop folder onFiles={(files) => void openFiles(files)}>
            <strong>Choose a folder</strong>
          </FileDrop>
          <TaskScans />
          <button type="button" disabled={busy} onClick={() => void openExample()}>
            Open the example scan
          </button>
        </div>
      </details>
    </section>
  );
}
