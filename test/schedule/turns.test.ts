import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Queued } from '../../src/schedule/queue.ts';
import { type Sourced, Turns } from '../../src/schedule/turns.ts';

class Numbered implements Sourced {
  previous: Queued | undefined;
  next: Queued | undefined;
  queue: object | undefined;
  readonly source: object;
  readonly number: number;

  constructor(source: object, number: number) {
    this.source = source;
    this.number = number;
  }
}

const SOURCES = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ push: fc.nat(SOURCES.length - 1) }) },
  { weight: 2, arbitrary: fc.record({ take: fc.integer({ min: 0, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.nat(60) }) },
);

/** The same by arrays: lines of elements, the line whose turn is next first. */
class Model {
  lines: Numbered[][] = [];

  push(element: Numbered): void {
    const line = this.lines.find(([first]) => first!.source === element.source);
    if (line) line.push(element);
    else this.lines.push([element]);
  }

  take(count: number): Numbered[] {
    const taken: Numbered[] = [];
    while (taken.length < count && this.lines.length > 0) {
      const line = this.lines.shift()!;
      taken.push(line.shift()!);
      if (line.length > 0) this.lines.push(line);
    }
    return taken;
  }

  remove(element: Numbered): boolean {
    const held = this.lines.flat().includes(element);
    this.lines = this.lines
      .map((line) => line.filter((each) => each !== element))
      .filter(({ length }) => length > 0);
    return held;
  }
}

const numbers = (elements: readonly Numbered[]) => elements.map(({ number }) => number);

test('turns are what lists in a circle give, and a source without elements leaves no trace', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const [turns, model] = [new Turns<Numbered>(), new Model()];
      const all: Numbered[] = [];
      for (const each of steps) {
        if ('push' in each) {
          const element = new Numbered(SOURCES[each.push]!, all.length);
          all.push(element);
          turns.push(element);
          model.push(element);
        } else if ('take' in each) {
          assert.deepEqual(numbers(turns.take(each.take)), numbers(model.take(each.take)));
        } else if (all.length > 0) {
          const element = all[each.remove % all.length]!;
          assert.equal(turns.remove(element), model.remove(element));
        }
        assert.equal(turns.size, model.lines.flat().length);
        assert.equal(turns.sources, model.lines.length);
      }
      assert.deepEqual(numbers(turns.take(100)), numbers(model.take(100)));
      assert.deepEqual([turns.size, turns.sources, turns.take(1)], [0, 0, []]);
    }),
  );
});

test('one of many sources overtakes an element at most once for each that its own source has before it', () => {
  const arrivals = fc.array(fc.oneof(fc.nat(4), fc.constant('take' as const)), { maxLength: 200 });
  fc.assert(
    fc.property(arrivals, (steps) => {
      const sources = Array.from({ length: 5 }, () => ({}));
      const turns = new Turns<Numbered>();
      const [pushed, taken]: Numbered[][] = [[], []];
      /** By number: how many of its own source were before it, and how many had been taken, when it came. */
      const before: { own: number; taken: number }[] = [];
      for (const each of steps) {
        if (each === 'take') taken!.push(...turns.take(1));
        else {
          const element = new Numbered(sources[each]!, pushed!.length);
          const own = pushed!.filter(({ source }) => source === element.source).length;
          const gone = taken!.filter(({ source }) => source === element.source).length;
          before.push({ own: own - gone, taken: taken!.length });
          pushed!.push(element);
          turns.push(element);
        }
      }
      taken!.push(...turns.take(1000));
      for (const [position, element] of taken!.entries()) {
        const came = before[element.number]!;
        for (const source of sources.filter((each) => each !== element.source)) {
          const others = taken!.slice(came.taken, position).filter((each) => each.source === source).length;
          assert.ok(others <= came.own + 1, `${others} of one source before element ${element.number}`);
        }
      }
    }),
  );
});

test('an element that waits elsewhere is not removed', () => {
  const [a, b] = [new Turns<Numbered>(), new Turns<Numbered>()];
  const [here, there] = [new Numbered(SOURCES[0]!, 1), new Numbered(SOURCES[0]!, 2)];
  a.push(here);
  b.push(there);
  assert.equal(a.remove(there), false);
  assert.deepEqual([a.size, b.size], [1, 1]);
  assert.equal(b.remove(there), true);
  assert.equal(b.remove(there), false);
});
