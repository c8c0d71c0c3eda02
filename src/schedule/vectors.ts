/** Rows that cannot be vectors of CLIP: a component that is not finite, or nothing but zeros. */
export function badRows(rows: Float32Array, width: number): number[] {
  const bad: number[] = [];
  for (let row = 0; row * width < rows.length; row++) {
    // A sum is finite only where each term is: squares of float32 do not overflow float64.
    let squares = 0;
    for (let i = row * width; i < (row + 1) * width; i++) squares += rows[i]! * rows[i]!;
    if (!(squares > 0 && squares < Number.POSITIVE_INFINITY)) bad.push(row);
  }
  return bad;
}
