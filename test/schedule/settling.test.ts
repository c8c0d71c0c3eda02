import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ErrorCode } from '../../src/errors.ts';
import { Admission } from '../../src/schedule/admission.ts';
import { type Act, fakeVector, type Stage } from '../engine/fake.ts';
import { Scene, type Settled } from './scene.ts';
import { turn } from './wound-clock.ts';

type Tower = 'text' | 'image';
type Step =
  | { readonly do: 'submit'; readonly tower: Tower; readonly deadlineMs?: number }
  | { readonly do: 'abort'; readonly which: number }
  | { readonly do: 'room'; readonly leaves: boolean }
  | { readonly do: 'wind'; readonly ms: number }
  | { readonly do: 'finish'; readonly runs: number }
  | { readonly do: 'fault'; readonly tower: Tower; readonly act: Act }
  | { readonly do: 'bad start'; readonly tower: Tower };

const tower = fc.constantFrom<Tower[]>('text', 'image');
const submit = fc.record({
  do: fc.constant('submit' as const),
  tower,
  deadlineMs: fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined }),
});
const faults: Act[] = [
  'throw',
  'hang',
  'one row short',
  'not a number',
  'a row of zeros',
  { outOfMemoryAbove: 1 },
];
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: submit },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('abort' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('room' as const), leaves: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wind' as const), ms: fc.integer({ min: 0, max: 2000 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('finish' as const), runs: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('fault' as const), tower, act: fc.constantFrom(...faults) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('bad start' as const), tower }) },
);

const ERRORS: ErrorCode[] = [
  'cancelled',
  'deadline_exceeded',
  'queue_timeout',
  'engine_failed',
  'engine_timeout',
  'bad_vector',
  'not_ready',
  'draining',
];

class Play {
  readonly scene: Scene;
  readonly stages: Record<Tower, Stage>;
  readonly admission: Admission;
  readonly clients: AbortController[] = [];
  /** By key, what each submitted item came to; more than one outcome is what must not happen. */
  readonly outcomes: Settled[][] = [];
  /** Batches already looked at. */
  readonly #looked: Record<Tower, number> = { text: 0, image: 0 };

  constructor(scene: Scene) {
    this.scene = scene;
    const limits = { itemsPerRequest: 1, requestBytes: 1, queueItems: 1000, queueBytes: 1000, queueMs: 1000 };
    this.admission = new Admission({ limits, metrics: scene.metrics, clock: scene.clock });
    this.stages = { text: scene.stage, image: scene.images };
    for (const stage of Object.values(this.stages)) stage.held = true;
  }

  async perform(step: Step): Promise<void> {
    const { scene } = this;
    const settled = new Set(this.outcomes.flatMap((outcomes, key) => (outcomes.length > 0 ? [key] : [])));
    if (step.do === 'submit') this.#submit(step.tower, step.deadlineMs);
    else if (step.do === 'abort') this.clients[step.which % this.clients.length]?.abort();
    else if (step.do === 'room') this.#room(step.leaves);
    else if (step.do === 'wind') await scene.clock.wind(step.ms);
    else if (step.do === 'finish') for (const stage of Object.values(this.stages)) stage.release(step.runs);
    else if (step.do === 'fault') this.stages[step.tower].script.push(step.act);
    else this.stages[step.tower].starts.push('no engine');
    // Submissions without a turn in between travel together.
    if (step.do !== 'submit') await turn();
    for (const tower of ['text', 'image'] as const) {
      const { seen } = this.stages[tower];
      for (const key of seen.slice(this.#looked[tower]).flat())
        assert.ok(!settled.has(key), `an engine saw item ${key}, which had been answered`);
      this.#looked[tower] = seen.length;
    }
  }

  /** Engines answer again, and time passes until nobody waits. */
  async end(): Promise<void> {
    for (const stage of Object.values(this.stages)) {
      stage.held = false;
      stage.script.length = 0;
      stage.starts.length = 0;
      stage.release();
    }
    for (let i = 0; i < 20; i++) await this.scene.clock.wind(10_000);
  }

  #submit(tower: Tower, deadlineMs: number | undefined): void {
    const key = this.outcomes.push([]) - 1;
    const client = new AbortController();
    this.clients.push(client);
    const permit = this.admission.admit();
    permit.addItems(1);
    const deadline = deadlineMs === undefined ? undefined : this.scene.clock.now() + deadlineMs;
    const answer =
      tower === 'text'
        ? this.scene.text(key, { signal: client.signal, deadline })
        : this.scene.image(key, { signal: client.signal, deadline });
    void answer.then((outcome) => {
      this.outcomes[key]!.push(outcome);
      permit.release();
    });
  }

  #room(leaves: boolean): void {
    const client = new AbortController();
    this.clients.push(client);
    this.scene.scheduler.room('image', { signal: client.signal }).then(
      (leave) => (leaves ? leave() : setImmediate(leave)),
      () => {},
    );
  }
}

test('whatever comes together, each item is answered once and nothing is left behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 120 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, replicas) => {
        const play = new Play(await Scene.started({ replicas, maxBatch: 3, queueMs: 5000, engineMs: 4000 }));
        for (const each of steps) await play.perform(each);
        await play.end();
        for (const [key, outcomes] of play.outcomes.entries()) {
          assert.equal(outcomes.length, 1, `item ${key} was answered ${outcomes.length} times`);
          const [outcome] = outcomes;
          if (typeof outcome === 'string') assert.ok(ERRORS.includes(outcome as ErrorCode), outcome);
          else assert.deepEqual(outcome, fakeVector(key));
        }
        const { scheduler, clock } = play.scene;
        assert.deepEqual([scheduler.pending, clock.armed], [0, 0]);
        assert.deepEqual(scheduler.serving, { text: replicas, image: replicas });
        for (const gauge of ['clip_requests_in_flight', 'clip_items_in_flight', 'clip_queue_length'])
          assert.equal(await play.scene.value(gauge), 0, gauge);
        for (const tower of ['text', 'image'])
          assert.equal(await play.scene.value('clip_replicas', { tower, state: 'idle' }), replicas);
        await scheduler.close();
        for (const { made, closed } of Object.values(play.stages)) assert.equal(closed, made);
      },
    ),
    { numRuns: 300, seed: 20 },
  );
});
