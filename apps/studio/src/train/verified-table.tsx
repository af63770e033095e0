import type { CaseVerification } from "@lobule/data";
import { Scrolled } from "../parts/scrolled.js";
import type { VerifiedTask } from "../worker/tasks.js";

/** What was found in the data, case by case; those with problems first. */
export function VerifiedTable({ task }: { task: VerifiedTask }) {
  const { cases, classes, notes } = task;
  const unsound = cases.filter(({ problems }) => problems.length > 0);
  const sorted = cases.toSorted((a, b) => b.problems.length - a.problems.length);
  return (
    <>
      {unsound.length === 0 ? (
        <p>
          <span class="good">All {cases.length} cases are sound.</span>{" "}
          <span class="quiet-text">Classes: {classes.slice(1).join(", ")}.</span>
        </p>
      ) : (
        <p class="problem-text">
          {unsound.length} of {cases.length} cases {unsound.length === 1 ? "has a problem" : "have problems"}, at which
          a run would end; mend {unsound.length === 1 ? "it" : "them"}, or leave {unsound.length === 1 ? "it" : "them"}{" "}
          out of dataset.json, and take the folder again.
        </p>
      )}
      {notes.map((text) => (
        <p key={text} class="quiet-text small">
          {text}
        </p>
      ))}
      <Scrolled class="verified" label="Cases">
        <table>
          <thead>
            <tr>
              <th scope="col">Case</th>
              <th scope="col">Voxels</th>
              <th scope="col">Spacing, mm</th>
              <th scope="col">Labels</th>
              <th scope="col">Found</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((each) => (
              <Row key={each.name} found={each} classes={classes} />
            ))}
          </tbody>
        </table>
      </Scrolled>
    </>
  );
}

function Row({ found, classes }: { found: CaseVerification; classes: readonly string[] }) {
  const { name, shape, spacing, labelValues, problems, notes } = found;
  const labels = labelValues?.filter((value) => value !== 0).map((value) => classes[value] ?? String(value));
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="number-left">{shape?.join(" × ") ?? "–"}</td>
      <td class="number-left">{spacing?.map((each) => Number(each.toFixed(2))).join(" × ") ?? "–"}</td>
      <td>{labels === undefined ? "–" : labels.join(", ") || "none"}</td>
      <td>
        {problems.map((text) => (
          <span key={text} class="problem-text found">
            {text}
          </span>
        ))}
        {notes.map((text) => (
          <span key={text} class="quiet-text found">
            {text}
          </span>
        ))}
        {problems.length + notes.length === 0 && <span class="quiet-text">sound</span>}
      </td>
    </tr>
  );
}
