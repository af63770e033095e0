/** (1 − share)·averages + share·values, in float64. */
export const averageReference = (averages: ArrayLike<number>, values: ArrayLike<number>, share: number): Float64Array =>
  Float64Array.from(values, (value, i) =>
    share === 1 ? value : (1 - share) * (averages[i] as number) + share * value,
  );
