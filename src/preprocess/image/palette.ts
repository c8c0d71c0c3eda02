/**
 * 256 RGB triples from a file's palette, whose entries are `step` bytes apart. Entries that the file leaves out are
 * black, as in Pillow.
 */
export function paletteOf(colours: Uint8Array, step: number, order: 'RGB' | 'BGR'): Uint8Array {
  const palette = new Uint8Array(768);
  const count = Math.min(Math.floor(colours.length / step), 256);
  for (let i = 0; i < count; i++)
    for (let c = 0; c < 3; c++) palette[i * 3 + c] = colours[i * step + (order === 'RGB' ? c : 2 - c)]!;
  return palette;
}

/** True where entry i is the grey i; also without entries. */
export function isGreyRamp(rgb: Uint8Array): boolean {
  return rgb.every((value, i) => value === Math.floor(i / 3));
}
