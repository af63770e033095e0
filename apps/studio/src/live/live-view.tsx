import { colorOfLabel, type LiveSlice, type RunView, runSecondsLeft } from "@lobule/report";
import type { EpochRecord } from "@lobule/train";
import { Progress } from "../parts/progress.js";
import { bytesText, durationText } from "../parts/quantities.js";
import { type Line, LineChart } from "./line-chart.js";
import "./live.css";
import { stateText } from "./state-text.js";

/** All that is known of a run while it trains: it is the same whoever trains it. */
export const LiveView = ({ view }: { view: RunView }) => (
  <div class="live">
    <section class="card" aria-label="Progress">
      <RunProgress view={view} />
      <Facts view={view} />
      <Notes notes={view.notes} />
    </section>
    <div class="charts">
      <h2 class="hidden">Curves</h2>
      <LossChart view={view} />
      <DiceChart
        title="Dice on validation, mean over cases"
        view={view}
        points={(c) => view.records.map(({ step, validation }) => ({ x: step, y: validation.dice.perCase[c] ?? null }))}
      />
      <DiceChart
        title="Soft Dice of training steps"
        view={view}
        points={(c) => view.steps.map(({ step, dice }) => ({ x: step, y: dice[c] ?? null }))}
      />
      <RateChart view={view} />
    </div>
    <WorstSlices slices={view.worst} classes={view.run?.classes ?? []} />
  </div>
);

function RunProgress({ view }: { view: RunView }) {
  const { run, steps } = view;
  const done = steps.at(-1)?.step ?? run?.steps.done ?? 0;
  return (
    <>
      <PhaseProgress view={view} />
      {run !== undefined && (
        <Progress label="The whole run" share={done / run.steps.all} detail={`step ${done} of ${run.steps.all}`} />
      )}
    </>
  );
}

/** How far the run is in what it does now. */
function PhaseProgress({ view }: { view: RunView }) {
  const { state, run, pace } = view;
  const label = stateText(view);
  if (state.doing === "nothing") return <p>{label}</p>;
  if (state.doing !== "training") {
    const { done, total } = state;
    return total === 0 ? (
      <Progress label={label} />
    ) : (
      <Progress label={label} share={done / total} detail={`${done} of ${total}`} />
    );
  }
  if (pace === undefined || run === undefined) return <Progress label="Compiling the network" />;
  return (
    <Progress
      label={`${label} epoch ${pace.epoch + 1} of ${run.epochs}`}
      share={pace.step / pace.steps}
      detail={`${pace.step} of ${pace.steps} steps`}
    />
  );
}

function Facts({ view }: { view: RunView }) {
  const { run, pace, steps, records } = view;
  const [step, record] = [steps.at(-1), records.at(-1)];
  const left = pace === undefined || run === undefined ? Number.NaN : secondsLeft(view);
  const facts: readonly (readonly [string, string])[] = [
    ["Loss of the last step", step === undefined ? "" : step.loss.toFixed(4)],
    ["Validation loss", record === undefined ? "" : record.validation.loss.toFixed(4)],
    ["Best epoch", bestText(records)],
    ["Slices by second", pace === undefined ? "" : pace.slicesPerSecond.toFixed(1)],
    ["Waiting for data", pace === undefined ? "" : `${(100 * pace.waitedShare).toFixed(0)} %`],
    ["Time left", Number.isFinite(left) && view.state.doing === "training" ? durationText(left) : ""],
    ["Memory of a step, by its plan", run === undefined ? "" : bytesText(run.cost.peakBytes)],
    ["Memory used at most", view.mostLiveBytes === 0 ? "" : bytesText(view.mostLiveBytes)],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value === "" ? "–" : value}</dd>
        </div>
      ))}
    </dl>
  );
}

function secondsLeft({ pace, run, records }: RunView): number {
  if (pace === undefined || run === undefined) return Number.NaN;
  return runSecondsLeft({ ...pace, epochs: run.epochs }, records.at(-1)?.seconds);
}

function bestText(records: readonly EpochRecord[]): string {
  const best = records.findLast((record) => record.best);
  return best === undefined ? "" : `${best.epoch + 1} of ${records.length}`;
}

function LossChart({ view: { steps, records } }: { view: RunView }) {
  const lines: readonly Line[] = [
    { name: "Each step", style: "quiet", points: steps.map(({ step, loss }) => ({ x: step, y: loss })) },
    { name: "Training", style: 1, points: records.map(({ step, training }) => ({ x: step, y: training.loss })) },
    { name: "Validation", style: 3, points: records.map(({ step, validation }) => ({ x: step, y: validation.loss })) },
  ];
  return <LineChart title="Loss" lines={lines} digits={5} />;
}

function DiceChart({
  title,
  view,
  points,
}: {
  title: string;
  view: RunView;
  points: (classNumber: number) => Line["points"];
}) {
  const names = view.run?.classes ?? [];
  const lines = names.flatMap((name, c) => (c === 0 ? [] : [{ name, style: ((c - 1) % 5) + 1, points: points(c) }]));
  return <LineChart title={title} lines={lines} digits={3} range={[0, 1]} />;
}

function RateChart({ view: { steps, records } }: { view: RunView }) {
  const known = steps.length > 0 ? steps : records;
  const points = known.map(({ step, learningRate }) => ({ x: step, y: learningRate }));
  return (
    <LineChart title="Learning rate" lines={[{ name: "Learning rate", style: 1, points }]} digits={3} range={[0, 0]} />
  );
}

function WorstSlices({ slices, classes }: { slices: readonly LiveSlice[]; classes: readonly string[] }) {
  return (
    <section class="card" aria-label="Worst slices">
      <h2>Worst validation slices of the last epoch</h2>
      {slices.length === 0 ? (
        <p class="quiet-text">They are shown when the first epoch is over.</p>
      ) : (
        <>
          <ul class="legend">
            {classes.slice(1).map((name, c) => (
              <li key={name}>
                <span class="class-swatch" style={{ background: `rgb(${colorOfLabel(c + 1).join(" ")})` }} />
                {name}
              </li>
            ))}
          </ul>
          <div class="worst">
            {slices.map((slice) => (
              <figure key={`${slice.caseName} ${slice.slice}`}>
                <div class="slice-pair">
                  <Picture slice={slice} what="truth" address={slice.truth} />
                  <Picture slice={slice} what="prediction" address={slice.prediction} />
                </div>
                <figcaption class="small">
                  {slice.caseName}, slice {slice.slice}
                  <span class="quiet-text"> Dice {diceText(slice, classes)}</span>
                </figcaption>
              </figure>
            ))}
          </div>
        </>
      )}
    </section>
  );
}

const Picture = ({ slice, what, address }: { slice: LiveSlice; what: string; address: string }) => (
  <div>
    <img src={address} alt={`${slice.caseName}, slice ${slice.slice}, with the outlines of the ${what}`} />
    <span class="small quiet-text">{what}</span>
  </div>
);

const diceText = ({ dice }: LiveSlice, classes: readonly string[]): string =>
  dice
    .flatMap((value, c) =>
      c === 0 ? [] : [`${classes[c] ?? `class ${c}`} ${value === null ? "absent" : value.toFixed(3)}`],
    )
    .join(" · ");

const Notes = ({ notes }: { notes: readonly string[] }) =>
  notes.length === 0 ? null : (
    <ul class="notes small">
      {notes.map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  );
