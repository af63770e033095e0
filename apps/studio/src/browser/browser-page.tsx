import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { quickEngine } from "../engine/start-engine.js";
import { offline } from "../offline/keep-offline.js";
import { reportProblem } from "../parts/notices.js";
import { bytesText } from "../parts/quantities.js";
import type { StorageDescription } from "../worker/describe.js";
import { BenchCard } from "./bench-card.js";
import { device } from "./device-state.js";
import { KeptFilesCard } from "./kept-files-card.js";

/** What this browser offers: its adapter, and the files that it keeps for the page. */
export function BrowserPage() {
  const storage = useSignal<StorageDescription | undefined>(undefined);
  const describe = (): void => {
    quickEngine()
      .describeStorage()
      .then((found) => {
        storage.value = found;
      }, reportProblem);
  };
  useEffect(describe, []);
  return (
    <>
      <h1>This browser</h1>
      <section class="card">
        <h2>Adapter</h2>
        {device.value === undefined && <p class="quiet-text">Asking…</p>}
        {typeof device.value === "string" && <p class="problem-text">{device.value}</p>}
        {typeof device.value === "object" && (
          <dl class="facts">
            <Fact name="Name" value={device.value.name} />
            <Fact name="Half precision (f16)" value={device.value.f16 ? "yes" : "no"} />
            <Fact name="Largest buffer" value={bytesText(device.value.largestBuffer)} />
          </dl>
        )}
      </section>
      {typeof device.value === "object" && <BenchCard />}
      <section class="card">
        <h2>Files</h2>
        {storage.value !== undefined && (
          <dl class="facts">
            <Fact name="The page works without a network" value={offline.value} />
            <Fact name="Kept for this page" value={bytesText(storage.value.used)} />
            <Fact name="At most" value={bytesText(storage.value.quota)} />
            <Fact name="Kept until you remove them" value={storage.value.persistent ? "yes" : "not promised"} />
          </dl>
        )}
      </section>
      <KeptFilesCard onRemoved={describe} />
    </>
  );
}

const Fact = ({ name, value }: { name: string; value: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);
