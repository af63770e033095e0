import { PNG } from "pngjs";

export type Colour = readonly [red: number, green: number, blue: number];

/** A picture in memory, 3 bytes a pixel, rows from the top. Black at first. */
export class Pixels {
  readonly data: Buffer;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.data = Buffer.alloc(3 * width * height);
  }

  /** Sets one pixel; one outside the picture is let pass. */
  set(x: number, y: number, [red, green, blue]: Colour): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    const at = 3 * (y * this.width + x);
    this.data[at] = red;
    this.data[at + 1] = green;
    this.data[at + 2] = blue;
  }

  /** Copies a picture that fits to a place. */
  paste(picture: Pixels, left: number, top: number): void {
    for (let y = 0; y < picture.height; y++) {
      const row = picture.data.subarray(3 * y * picture.width, 3 * (y + 1) * picture.width);
      this.data.set(row, 3 * ((top + y) * this.width + left));
    }
  }

  /** The bytes of a PNG file. The same picture gives the same bytes. */
  png(): Uint8Array {
    const { width, height } = this;
    const png = new PNG({ width, height });
    png.data = this.data;
    return PNG.sync.write(png, { colorType: 2, inputColorType: 2, inputHasAlpha: false });
  }
}

/** Digits 0 to 9, five rows of three pixels each, highest bit first. */
const digits = [0x7b6f, 0x2c97, 0x73e7, 0x73cf, 0x5bc9, 0x79cf, 0x79ef, 0x7249, 0x7bef, 0x7bcf];

/** Writes a whole number in white on black, a digit 3 × 5 dots of `dot` pixels. */
export function writeNumber(picture: Pixels, value: number, left: number, top: number, dot: number): void {
  const glyphs = [...String(value)].map((digit) => digits[Number(digit)] ?? 0);
  const [columns, rows] = [4 * glyphs.length + 1, 7];
  for (let y = 0; y < rows * dot; y++) {
    for (let x = 0; x < columns * dot; x++) {
      const [column, row] = [Math.floor(x / dot) - 1, Math.floor(y / dot) - 1];
      const bit = 14 - 3 * row - (column % 4);
      const inside = column >= 0 && column % 4 < 3 && row >= 0 && row < 5;
      const on = inside && ((glyphs[Math.floor(column / 4)] ?? 0) >> bit) & 1;
      picture.set(left + x, top + y, on ? [255, 255, 255] : [0, 0, 0]);
    }
  }
}
