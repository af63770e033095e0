import { sentenceOf } from "../parts/sentence.js";
import { defaultOf, type Field, type FieldProblem, hasEffect } from "./settings-form.js";
import { enter, entries, preset } from "./train-state.js";

/** Fields of settings, each with what it does, what it is by default and what is wrong with it. */
export const SettingsFields = ({
  fields,
  problem,
}: {
  fields: readonly Field[];
  problem: FieldProblem | undefined;
}) => (
  <div class="fields">
    {fields
      .filter((field) => hasEffect(field, preset.value, entries.value))
      .map((field) => (
        <SettingField
          key={field.id}
          field={field}
          problem={problem?.field === field.id ? problem.problem : undefined}
        />
      ))}
  </div>
);

function SettingField({ field, problem }: { field: Field; problem: string | undefined }) {
  const { id, label, description, choices, takes } = field;
  const value = entries.value[id] ?? "";
  const byDefault = defaultOf(field, preset.value, entries.value);
  const shared = {
    id: `setting-${id}`,
    "aria-describedby": `about-${id}`,
    "aria-invalid": problem !== undefined,
  };
  return (
    <div class="setting">
      <label class="field" htmlFor={shared.id}>
        {label}
      </label>
      {choices.length > 0 ? (
        <select {...shared} value={value} onChange={({ currentTarget }) => enter(id, currentTarget.value)}>
          <option value="">{byDefault}</option>
          {choices
            .filter((choice) => choice !== byDefault)
            .map((choice) => (
              <option key={choice} value={choice}>
                {choice}
              </option>
            ))}
        </select>
      ) : (
        <input
          {...shared}
          value={value}
          placeholder={byDefault}
          title={takes}
          onInput={({ currentTarget }) => enter(id, currentTarget.value)}
        />
      )}
      <span class="hint" id={`about-${id}`}>
        {problem === undefined ? description : <span class="problem-text">{sentenceOf(problem)}</span>}
      </span>
    </div>
  );
}
