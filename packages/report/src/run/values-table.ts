import { counted } from "../page/format.js";
import { type Html, html } from "../page/html.js";

/** A collapsible table of a JSON value: a row a leaf, named by its path. */
export function valuesTable(title: string, value: unknown): Html {
  const rows = leaves(value, "");
  return html`<details><summary>${title} <small>${counted(rows.length, "value")}</small></summary>
<table><tbody>${rows.map(
    ([path, text]) => html`<tr><th scope="row">${path}</th><td>${text}</td></tr>
`,
  )}</tbody></table></details>`;
}

/** Paths and texts of what a value holds; a list of plain values is one row. */
function leaves(value: unknown, path: string): [path: string, text: string][] {
  if (typeof value !== "object" || value === null) return [[path, plain(value)]];
  if (Array.isArray(value) && value.every((each) => typeof each !== "object" || each === null)) {
    return [[path, value.map(plain).join(", ") || "none"]];
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return [[path, "none"]];
  return entries.flatMap(([key, each]) => leaves(each, path === "" ? key : `${path}.${key}`));
}

const plain = (value: unknown): string => {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
};
