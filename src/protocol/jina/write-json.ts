/**
 * A number as Python prints a double: whole numbers keep `.0`, so that a list of them stays a list of floats in the
 * client; otherwise the shortest digits that read back exactly.
 */
export function jsonDouble(value: number): string {
  if (!Number.isInteger(value) || Math.abs(value) >= 1e21) return String(value);
  return Object.is(value, -0) ? '-0.0' : `${value}.0`;
}

/** Free-form JSON (parameters, tags) after its way through protobuf's Struct, where every number is a double. */
export function jsonValue(value: unknown): string {
  if (typeof value === 'number') return jsonDouble(value);
  if (Array.isArray(value)) return `[${value.map(jsonValue).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}:${jsonValue(member)}`);
  return `{${members.join(',')}}`;
}
