import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Queue, type Queued } from '../../src/schedule/queue.ts';

class Numbered implements Queued {
  previous: Queued | undefined;
  next: Queued | undefined;
  queue: object | undefined;
  readonly number: number;

  constructor(number: number) {
    this.number = number;
  }
}

test('a queue does what a list does', () => {
  const step = fc.oneof(
    fc.constant('push' as const),
    fc.record({ take: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ remove: fc.nat(40) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new Queue<Numbered>();
      const all: Numbered[] = [];
      let list: number[] = [];
      for (const each of steps) {
        if (each === 'push') {
          all.push(new Numbered(all.length));
          queue.push(all.at(-1)!);
          list.push(all.length - 1);
        } else if ('take' in each) {
          const taken = queue.take(each.take).map(({ number }) => number);
          assert.deepEqual(taken, list.splice(0, each.take));
        } else if (all.length > 0) {
          const element = all[each.remove % all.length]!;
          assert.equal(queue.remove(element), list.includes(element.number));
          list = list.filter((number) => number !== element.number);
        }
        assert.equal(queue.size, list.length);
      }
      assert.deepEqual(
        queue.take(100).map(({ number }) => number),
        list,
      );
    }),
  );
});

test('an element of another queue is not removed', () => {
  const [a, b] = [new Queue<Numbered>(), new Queue<Numbered>()];
  const element = new Numbered(1);
  a.push(element);
  assert.equal(b.remove(element), false);
  assert.deepEqual([a.size, b.size], [1, 0]);
});
