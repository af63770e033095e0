// npm run torture -- [--races N] [--seed S]: races of processes for one lock. Ends with 1 on any failure.
import { parseArgs } from "node:util";
import { churnLock, raceForLock } from "./torture/lock-race.mjs";
import { seeded } from "./torture/seeded.mjs";

const { values } = parseArgs({
  options: {
    races: { type: "string", default: "1000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const number = (name) => {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} must be a whole number from 0, got '${values[name]}'`);
  process.exit(1);
};
const [races, seed] = [number("races"), number("seed")];
const random = seeded(seed);
const failures = [];
console.log(`seed ${seed}`);

if (races > 0) {
  for (const processes of [2, 3]) {
    for (const stale of [false, true]) {
      const found = await raceForLock({ rounds: races, processes, stale });
      const what = `${races} races of ${processes} processes for a ${stale ? "stale" : "fresh"} lock`;
      console.log(`${what}: ${found.length} failures`);
      failures.push(...found.map((failure) => `${what}: ${failure}`));
    }
  }
  const {
    held,
    killed,
    failures: found,
  } = await churnLock({
    ...{ turns: Math.ceil(races / 3), processes: 3, kills: Math.ceil(races / 20), random },
  });
  console.log(`held ${held} times by 3 processes in turn, ${killed} of which were killed: ${found.length} failures`);
  failures.push(...found);
}

for (const failure of failures) console.error(failure);
process.exitCode = failures.length === 0 ? 0 : 1;
