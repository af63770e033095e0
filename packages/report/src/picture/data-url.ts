/** An address that holds the bytes of a PNG file itself. */
export function dataUrl(png: Uint8Array): string {
  let characters = "";
  for (const byte of png) characters += String.fromCharCode(byte);
  return `data:image/png;base64,${btoa(characters)}`;
}
