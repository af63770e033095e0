import { useEffect } from "preact/hooks";
import { CorrectCard } from "../correct/correct-card.js";
import { stroke } from "../correct/correct-state.js";
import { QueueCard } from "../correct/queue-card.js";
import { FileDrop } from "../parts/file-drop.js";
import { Progress } from "../parts/progress.js";
import { GatesCard } from "./gates-card.js";
import { ModelCard } from "./model-card.js";
import { ResultCard } from "./result-card.js";
import { ScanCard } from "./scan-card.js";
import "./segment.css";
import { loadModels, openExample, openFiles, scan, work } from "./segment-state.js";
import { TaskScans } from "./task-scans.js";
import { Viewer } from "./viewer.js";
import { WindowCard } from "./window-card.js";

/** Scans are segmented here, looked at and corrected. */
export function SegmentPage() {
  useEffect(() => {
    void loadModels();
  }, []);
  const opened = scan.value;
  return (
    <>
      <div class="place-head">
        <h1>Segment</h1>
        <p class="quiet-text">Label a CT scan in this browser. Nothing is uploaded.</p>
      </div>
      {opened === undefined ? (
        <section class="card no-scan">
          <FileDrop accept=".nii,.gz,.hdr,.img" onFiles={(files) => void openFiles(files)}>
            <strong>Drop a scan here, or choose one</strong>
            <span>.nii or .nii.gz, or a folder of them</span>
          </FileDrop>
          <FileDrop folder onFiles={(files) => void openFiles(files)}>
            <strong>Choose a folder of scans</strong>
          </FileDrop>
          <p class="quiet-text or">or begin without a file</p>
          <button type="button" class="primary" disabled={work.value !== undefined} onClick={() => void openExample()}>
            Open the example scan
          </button>
          <TaskScans />
          <p class="quiet-text small">
            The example is a synthetic patient that is drawn here, with a liver and tumors.
          </p>
          <WorkLine />
        </section>
      ) : (
        <div class="segment">
          <div class="side">
            <ModelCard />
            <WorkLine />
            <ScanCard />
            <QueueCard />
          </div>
          <Viewer stroke={stroke.value} />
          <div class="side">
            <ResultCard />
            <CorrectCard />
            <WindowCard />
            <GatesCard />
          </div>
        </div>
      )}
    </>
  );
}

const WorkLine = () => {
  const now = work.value;
  if (now === undefined) return null;
  return (
    <section class="card work">
      <Progress label={now.label} detail={now.detail} {...(now.share === undefined ? {} : { share: now.share })} />
      {now.cancel !== undefined && (
        <button type="button" onClick={now.cancel}>
          Cancel
        </button>
      )}
    </section>
  );
};
