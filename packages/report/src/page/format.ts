/** What stands for a value that is not there. */
export const missing = "–";

const isValue = (value: number | null | undefined): value is number => Number.isFinite(value);

/** A number with fixed digits after the point, with a true minus sign. */
export const fixed = (value: number | null | undefined, digits: number): string =>
  isValue(value) ? value.toFixed(digits).replace("-", "−") : missing;

/** A whole number with a thin space every three digits. */
export const whole = (value: number): string => String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** A small step size: 1e-4, 2.5e-4; 0.02 and above as they are. */
export function rate(value: number): string {
  if (value >= 0.01 || value === 0 || !Number.isFinite(value)) return String(Number(value.toPrecision(3)));
  const [digits = "", exponent = ""] = value.toExponential(2).split("e");
  return `${Number(digits)}e${exponent}`.replace("e-", "e−");
}

/** A positive number with three digits and a prefix of the SI: 1 930 000 as "1.93 M". */
export function withPrefix(value: number | null | undefined): string {
  if (!isValue(value)) return missing;
  const rounded = Number(value.toPrecision(3));
  const prefix = rounded < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(rounded) / 3));
  const scaled = rounded / 1000 ** prefix;
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(1, scaled))));
  return `${prefix === 0 ? String(rounded) : scaled.toFixed(digits)} ${["", "k", "M", "G", "T"][prefix]}`;
}

/** Seconds as 45 s, 12 min 5 s or 3 h 20 min. */
export function duration(seconds: number): string {
  const total = Math.round(seconds);
  if (total < 60) return `${total} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min ${total % 60} s`;
  const minutes = Math.round(total / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "1 epoch", "12 epochs". */
export const counted = (n: number, unit: string): string => `${whole(n)} ${unit}${n === 1 ? "" : "s"}`;
