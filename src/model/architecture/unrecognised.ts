/** Thrown where a graph is not a CLIP tower as this project knows them. The message is the reason, a clause without a dot. */
export class Unrecognised extends Error {}

/** `place` is a part of the tower in the terms of the architecture; `found` names what the graph has there. */
export function differs(place: string, expected: string, found: string): Unrecognised {
  return new Unrecognised(`${place}: expected ${expected}, found ${found}`);
}
