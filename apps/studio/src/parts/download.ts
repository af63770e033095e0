/** Offers bytes as a file to save. */
export function download(bytes: Uint8Array<ArrayBuffer>, name: string, type = "application/octet-stream"): void {
  const address = URL.createObjectURL(new Blob([bytes], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser reads it after the click; a minute is long enough for it to begin.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
