import type { JSX } from "preact";
import { BrowserPage } from "../browser/browser-page.js";
import { DeviceProblem } from "../browser/device-problem.js";
import { ComparePage } from "../compare/compare-page.js";
import { LivePage } from "../live/live-page.js";
import { Notices } from "../parts/notices.js";
import { type Page, page } from "../parts/route.js";
import { SegmentPage } from "../segment/segment-page.js";
import { TrainPage } from "../train/train-page.js";
import { Header } from "./header.js";

const pages: Readonly<Record<Page, () => JSX.Element>> = {
  segment: SegmentPage,
  train: TrainPage,
  compare: ComparePage,
  browser: BrowserPage,
  live: LivePage,
};

export function App() {
  const Shown = pages[page.value];
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the content
      </button>
      <Header />
      <Notices />
      <DeviceProblem />
      <main id="main" tabIndex={-1}>
        <Shown />
      </main>
    </>
  );
}
