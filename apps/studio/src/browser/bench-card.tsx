import { useSignal } from "@preact/signals";
import { download } from "../parts/download.js";
import { FileDrop } from "../parts/file-drop.js";
import { Progress } from "../parts/progress.js";
import { Scrolled } from "../parts/scrolled.js";
import type { BenchComparison, Benched } from "../worker/benching.js";
import { compareWith, comparison, measured, measureKernels, measuring } from "./bench-state.js";
import "./bench.css";

/** The kernels of a training step on this browser's adapter, beside what the adapter can do at most. */
export const BenchCard = () => (
  <section class="card" aria-label="Speed">
    <h2>Speed</h2>
    <p class="quiet-text">
      Times every kernel of a training step of the reference network, beside what this adapter can do at most, as the
      command's <code>lobule bench kernels</code> does. Nothing is uploaded.
    </p>
    <Choices />
    {measuring.value !== undefined && <Under />}
    {measured.value !== undefined && <Result benched={measured.value} />}
  </section>
);

function Choices() {
  const preset = useSignal<"liver" | "vessel">("liver");
  const sizes = useSignal({ size: "", batch: "", rounds: "" });
  const numbers = {
    size: readWhole(sizes.value.size, 16),
    batch: readWhole(sizes.value.batch, 1),
    rounds: readWhole(sizes.value.rounds, 1),
  };
  const wrong = Object.values(numbers).includes("wrong");
  const number = (text: number | "wrong" | undefined): number | undefined => (text === "wrong" ? undefined : text);
  const { size, batch, rounds } = numbers;
  return (
    <form
      class="bench-choices"
      onSubmit={(event) => {
        event.preventDefault();
        void measureKernels({ preset: preset.value, size: number(size), batch: number(batch), rounds: number(rounds) });
      }}
    >
      <label class="field">
        Recipe
        <select
          value={preset.value}
          onChange={({ currentTarget }) => {
            preset.value = currentTarget.value === "vessel" ? "vessel" : "liver";
          }}
        >
          <option value="liver">liver, 8 base features</option>
          <option value="vessel">vessel, 16 base features</option>
        </select>
      </label>
      {(
        [
          ["size", "Side of a slice", size, "a multiple of 16"],
          ["batch", "Slices of a step", batch, "a whole number"],
          ["rounds", "Rounds", rounds, "a whole number"],
        ] as const
      ).map(([key, label, value, takes]) => (
        <label key={key} class="field">
          {label}
          <input
            inputMode="numeric"
            placeholder="as suits the adapter"
            aria-invalid={value === "wrong"}
            value={sizes.value[key]}
            onInput={({ currentTarget }) => {
              sizes.value = { ...sizes.value, [key]: currentTarget.value };
            }}
          />
          {value === "wrong" && <span class="problem-text small">It takes {takes}.</span>}
        </label>
      ))}
      <button type="submit" class="primary" disabled={wrong || measuring.value !== undefined}>
        Measure
      </button>
    </form>
  );
}

/** A whole number of at least 1 and a multiple; undefined where nothing is written. */
function readWhole(text: string, multiple: number): number | "wrong" | undefined {
  if (text.trim() === "") return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) && value > 0 && value % multiple === 0 ? value : "wrong";
}

function Under() {
  const { progress, cancel } = measuring.value ?? {};
  if (progress === undefined) return null;
  const { stage, done, total } = progress;
  return (
    <div class="row">
      <Progress
        label={stage === "roof" ? "Measuring what the adapter can do" : "Timing the kernels"}
        {...(stage === "roof" ? {} : { share: done / total, detail: `round ${done} of ${total}` })}
      />
      <button type="button" onClick={cancel}>
        Cancel
      </button>
    </div>
  );
}

function Result({ benched }: { benched: Benched }) {
  const { picture, file, roof, resolved } = benched;
  return (
    <>
      <p>
        At most {(roof.flopsPerSecond / 1e9).toFixed(1)} GFLOP/s and {(roof.bytesPerSecond / 1e9).toFixed(1)} GB/s.
      </p>
      <Scrolled label="Roofline">
        <img
          class="roofline"
          src={`data:image/svg+xml;charset=utf-8,${encodeURIComponent(picture)}`}
          alt="Each kernel by its arithmetic intensity and the rate that it reached, below the roofline of the adapter"
        />
      </Scrolled>
      <KernelTable benched={benched} />
      {!resolved && (
        <p class="small quiet-text">
          The browser rounds the clock of the GPU, Chrome to 0.1 ms; kernels of 0 ms are too short for it. A larger side
          or more slices help, and the command has the exact clock.
        </p>
      )}
      <div class="row">
        <button
          type="button"
          onClick={() =>
            download(new TextEncoder().encode(`${JSON.stringify(file, null, 2)}\n`), "bench.json", "application/json")
          }
        >
          Download .json
        </button>
        <button
          type="button"
          onClick={() => download(new TextEncoder().encode(picture), "roofline.svg", "image/svg+xml")}
        >
          Download .svg
        </button>
      </div>
      <FileDrop accept=".json" onFiles={(files) => void compareWith(files)}>
        <span>Compare with an earlier .json of this page, or of the command's --out</span>
      </FileDrop>
      {comparison.value !== undefined && <Changes {...comparison.value} />}
    </>
  );
}

const KernelTable = ({ benched: { kernels } }: { benched: Benched }) => (
  <Scrolled label="Kernels">
    <table>
      <thead>
        <tr>
          <th scope="col">Kernel</th>
          {["Runs", "ms", "Share", "GFLOP/s", "GB/s", "Of the roof"].map((title) => (
            <th key={title} scope="col" class="number">
              {title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {kernels.map(({ name, dispatches, milliseconds, share, flops, bytes, ofRoof }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="number">{dispatches}</td>
            <td class="number">{milliseconds.toPrecision(3)}</td>
            <td class="number">{(100 * share).toFixed(1)} %</td>
            <td class="number">{rateText(flops / milliseconds / 1e6)}</td>
            <td class="number">{rateText(bytes / milliseconds / 1e6)}</td>
            <td class="number">{Number.isFinite(ofRoof) ? `${(100 * ofRoof).toFixed(0)} %` : "–"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scrolled>
);

const rateText = (rate: number): string => (Number.isFinite(rate) ? rate.toFixed(1) : "–");

const Changes = ({ changes, otherAdapter, name }: BenchComparison & { name: string }) => (
  <>
    <h3>Beside {name}</h3>
    {otherAdapter !== undefined && <p class="quiet-text">That was measured on another adapter, {otherAdapter}.</p>}
    <Scrolled label={`Beside ${name}`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Kernel</th>
            <th scope="col" class="number">
              Time, in times the earlier
            </th>
          </tr>
        </thead>
        <tbody>
          {changes.map(({ name: kernel, ratio, slower }) => (
            <tr key={kernel}>
              <th scope="row">{kernel}</th>
              <td class="number">
                {ratio.toFixed(2)}×{slower && " slower beyond noise"}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  </>
);
