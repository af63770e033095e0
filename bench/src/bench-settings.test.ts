import { expect, test } from "vitest";
import { settingsOf } from "./bench-settings.js";
import { busyNote } from "./busy-machine.js";

const nothing = { size: undefined, batch: undefined, slices: undefined, rounds: undefined };

test("sizes suit the adapter, and what is given counts", () => {
  const [software, gpu] = [
    { software: true, all: false },
    { software: false, all: false },
  ] as const;
  expect(settingsOf("model", software, nothing)).toMatchObject({ size: 128, batch: 4, rounds: 9 });
  expect(settingsOf("peers", gpu, nothing)).toMatchObject({ size: 512, batch: 32 });
  expect(settingsOf("peers", gpu, { ...nothing, size: 64, rounds: 2 })).toMatchObject({ size: 64, rounds: 2 });
});

test("the whole volume is labeled where it is asked for or there is a GPU, a part of it among all benchmarks", () => {
  const whole = { size: 512, slices: 150, batch: 4, rounds: 3 };
  expect(settingsOf("volume", { software: true, all: false }, nothing)).toEqual(whole);
  expect(settingsOf("volume", { software: false, all: true }, nothing)).toEqual({ ...whole, batch: 16 });
  expect(settingsOf("volume", { software: true, all: true }, nothing)).toEqual({ ...whole, size: 256, slices: 40 });
});

test("a busy machine is named, a quiet one is not", () => {
  expect(busyNote(0.3, 2)).toBeUndefined();
  expect(busyNote(3.14, 2)).toMatch(/^note: .*busy \(load 3\.1 on 2 processors\).* suffers most$/);
});
