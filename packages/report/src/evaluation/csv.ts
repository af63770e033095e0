/** What a field of a table may hold; null leaves it empty. */
export type Cell = string | number | null;

/**
 * Rows as text. Format: RFC 4180. A text that a spreadsheet would take for a formula has an apostrophe before it, as
 * OWASP's "CSV Injection" advises; numbers stay as they are.
 */
export const csvText = (rows: readonly (readonly Cell[])[]): string =>
  rows.map((row) => `${row.map(field).join(",")}\r\n`).join("");

/** Also in the full width of Chinese and Japanese texts, and after white space, which spreadsheets leave out. */
const formula = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;

function field(value: Cell): string {
  if (typeof value === "number" || value === null) return value === null ? "" : String(value);
  const text = formula.test(value) ? `'${value}` : value;
  return /[",\r\n\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
