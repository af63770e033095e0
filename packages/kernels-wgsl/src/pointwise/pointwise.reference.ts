/** output[i] = input[i]. */
export const pointwiseReference = (input: ArrayLike<number>): Float64Array => Float64Array.from(input);
