import { encode } from "fast-png";

export type Color = readonly [red: number, green: number, blue: number];

export const [black, white]: readonly [Color, Color] = [
  [0, 0, 0],
  [255, 255, 255],
];

/** A picture in memory, 3 bytes a pixel, rows from the top. Black at first. */
export class Pixels {
  readonly data: Uint8Array<ArrayBuffer>;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.data = new Uint8Array(3 * width * height);
  }

  /** Sets one pixel; one outside the picture is let pass. */
  set(x: number, y: number, [red, green, blue]: Color): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    const at = 3 * (y * this.width + x);
    this.data[at] = red;
    this.data[at + 1] = green;
    this.data[at + 2] = blue;
  }

  /** Mixes a color into one pixel of the picture: a share of 0 leaves it, 1 replaces it. */
  mix(x: number, y: number, color: Color, share: number): void {
    const at = 3 * (y * this.width + x);
    color.forEach((value, k) => {
      this.data[at + k] = Math.round((1 - share) * (this.data[at + k] ?? 0) + share * value);
    });
  }

  /** Fills a rectangle. */
  fill(left: number, top: number, width: number, height: number, color: Color): void {
    for (let y = top; y < top + height; y++) for (let x = left; x < left + width; x++) this.set(x, y, color);
  }

  /** Copies a picture whose upper left corner is in this one; what reaches beyond the right or lower edge is cut. */
  paste(picture: Pixels, left: number, top: number): void {
    const columns = Math.min(picture.width, this.width - left);
    for (let y = 0; y < Math.min(picture.height, this.height - top); y++) {
      const row = picture.data.subarray(3 * y * picture.width, 3 * (y * picture.width + columns));
      this.data.set(row, 3 * ((top + y) * this.width + left));
    }
  }

  /** The bytes of a PNG file. The same picture gives the same bytes. */
  png(): Uint8Array {
    const { width, height, data } = this;
    return encode({ width, height, data, depth: 8, channels: 3 }, { zlib: { level: 6 } });
  }
}
